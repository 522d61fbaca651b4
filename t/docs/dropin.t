#!/usr/bin/env perl
# What the READMEs say to add to nginx.conf, and the shipped asgard-ctl.conf,
# work as they stand, but for the places of files.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(lines_of spill slurp top);
use Asgard::Gateway;
use Asgard::RedisUser;
use Asgard::Test;

# The block of a document, with our places; a listen and what a test needs.
sub configuration {
    my ($t, $file, $pattern) = @_;
    my ($block) = slurp(top() . "/$file") =~ $pattern;
    die "no block in $file" if !defined $block;
    my $gateway = $t->{gateway};
    my $dir = $t->{dir};
    my $load = Asgard::Gateway::load_module();
    my $user = $t->{redis_user};
    my $temps = join '', map { "${_}_temp_path $dir/tmp/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);
    $block =~ s{^\s*load_module [^;]+;}{$load}m;
    $block =~ s{/etc/asgard/seal\.key}{$t->{key_file}};
    $block =~ s{/run/redis/asgard\.sock}{$user->{path}};
    $block =~ s{/etc/asgard/redis\.password}{$user->password_file}e;
    $block =~ s{/var/log/asgard/calls\.log}{$dir/log/calls.log};
    $block =~ s{unix:/run/asgard/ctl\.sock}{unix:$dir/ctl.sock};
    $temps .= "access_log $dir/log/access.log;\n";
    # t/harden/tls_server.t has TLS
    $block =~ s{^\s*(?:listen|ssl_certificate\w*) [^;]+;\n}{}mg;
    $block =~ s{(http \{)}{events { }\n$1\n$temps};
    $block =~ s{(server \{)}{$1\nlisten 127.0.0.1:$gateway->{port};};
    my $runs_as = $> == 0 ? 'user www-data;' : '';
    return "$block\n$runs_as\ndaemon off;\npid $dir/nginx.pid;\n"
        . "error_log $dir/log/error.log info;\n";
}

sub shipped_control {
    my ($t) = @_;
    my %place = (listen => "unix:$t->{dir}/other.sock",
        postgres => $t->{postgres}->url,
        postgres_owner => $t->{postgres}->owner_url,
        redis => $t->{redis_user}->url, key_file => $t->{key_file},
        pepper_file => spill("$t->{dir}/pepper.key", join('',
            grep { /^pepper / } map { "$_\n" } lines_of($t->{key_file})), 0400),
        pid_file => "$t->{dir}/other.pid", log => "$t->{dir}/log/other.log",
        routing => "$t->{dir}/none.yaml",
        backends_env => "$t->{dir}/backends.env");
    my $text = slurp(top() . '/conf/asgard-ctl.conf');
    $text =~ s{^(\w+)(\s+)\S.*$}{$1 . $2 . ($place{$1}
        // substr($&, length "$1$2"))}gme;
    $text =~ s{/usr/share/asgard/services}{top() . '/services'}e;
    $text =~ s{/etc/asgard/services}{$t->{dir}/services};
    return spill("$t->{dir}/shipped.conf", $text, 0600);
}

# Redis by the shipped rights: nobody but Asgard's user.
sub with_rights {
    my ($t) = @_;
    my $redis = $t->{redis};
    my $user = Asgard::RedisUser->new(server => $redis,
        path => "$redis->{dir}/redis.sock");
    chmod 0711, $redis->{dir};
    $redis->stop;
    $redis->write_conf(conf => "unixsocket $user->{path}\n"
        . "unixsocketperm 777\n" . $user->acl . "\n");
    $redis->start;
    $user->give_to($t);
    return $user;
}

for (['README.md', qr/add to it:\n\n(.*?)\n6\. /s],
    ['ngx_asgard_module/README.md', qr/```nginx\n(.*?)```/s]) {
    my ($file, $pattern) = @$_;
    subtest "the configuration in $file" => sub {
        my $t = Asgard::Test->new;
        $t->{redis_user} = with_rights($t);
        spill("$t->{dir}/conf/nginx.conf",
            configuration($t, $file, $pattern), 0600);
        my ($status, $said) = $t->{gateway}->test_conf;
        is($status, 0, 'nginx accepts it') or diag($said);
        $t->start;
        is($t->get('/readyz')->status, 200, 'every part works');
        my $project = $t->project(budget_usd => '1');
        my $key = $t->key(project => $project);
        is($t->chat($key)->status, 200, 'a call is answered');
        is(scalar($t->wait_ledger($project, 1)), 1,
            'and stands in the ledger');
        is($t->get('/nothing')->at('error', 'code'), 'not_found',
            "nginx's own refusals are JSON");
        my $conf = shipped_control($t);
        ($status, my $out, my $err) = $t->{control}->run('-c', $conf, 'check');
        is($status, 0, 'asgard-ctl.conf passes the check')
            or diag("$out$err");
        Asgard::Teardown::while_running($t);
        $t->{gateway}->stop;
        $t->{control}->stop;
        Asgard::Teardown::after_stop($t);
        $t->finish;
    };
}

done_testing();
