#!/usr/bin/perl
# The connector http posts to the operator's service, and only where it may.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IO::Socket::INET;
use JSON::PP;

use Asgard::Files qw(lines_of spill wait_until);
use Asgard::Test;

my $t = Asgard::Test->new(backends => {SERVICE_KEY => 'sk-' . 'd' x 20});
my $books = spill("$t->{dir}/service.books", '');
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16);
my $port = $listener->sockport;
my $pid = fork() // die;
if (!$pid) {
    while (my $c = $listener->accept) {
        my ($head, $body) = ('', '');
        while (<$c>) { last if /^\r?$/; $head .= $_ }
        my ($len) = $head =~ /content-length: (\d+)/i;
        read $c, $body, $len // 0;
        my $told = decode_json($body);
        open my $out, '>>', $books;
        print {$out} join("\t", $told->{action}, $told->{name},
            $head =~ /x-key: (\S+)/i, $head =~ /idempotency-key: (\S+)/i),
            "\n";
        close $out;
        my $n = grep { /\t$told->{name}\t/ } lines_of($books);
        my $status = $told->{action} eq 'destroy' ? '404 Gone'
            : $told->{name} eq 'moved' ? '302 Found'
            : $told->{name} eq 'tells' ? '403 Forbidden'
            : $told->{name} =~ /^(?:busy|long)$/ && $n < 2 ? '503 Busy'
            : '200 OK';
        my $text = $told->{name} eq 'tells'
            ? '{"error":"the key ' . 'sk-' . 'd' x 20 . ' is not known"}'
            : $told->{name} eq 'long' ? '{"error":"x' . "\xc3\xa4" x 200 . '"}'
            : '{"where":"here"}';
        print {$c} "HTTP/1.1 $status\r\nConnection: close\r\nContent-Length: "
            . length($text) . "\r\n\r\n$text";
        close $c;
    }
    exit 0;
}
my $of = sub { "id: $_[0]\nauto_approvable: true\nprovisioner:\n"
    . "  connector: http\n  config:\n    url: $_[1]\n    internal: $_[2]\n"
    . "    headers: {x-key: SERVICE_KEY}\n"
    . "retry: {max_attempts: 2, base_secs: 0, cap_secs: 0}\n"
    . "cost: {model: free, estimated_monthly_usd: 0, source: {type: none}}\n" };
$t->{control}->write_service('inside', $of->('inside',
    "http://127.0.0.1:$port/x", 'true'));
$t->{control}->write_service('outside', $of->('outside',
    "https://127.0.0.1:$port/x", 'false'));
$t->start;
my $url = '/api/projects/' . $t->project(budget_usd => 5) . '/resources';

sub made {
    my ($type, $name, $state) = @_;
    my $id = $t->api_ok('POST', $url, {resource_type => $type,
        name => $name})->{provisioned}{id};
    my $r;
    wait_until(sub { ($r = $t->api_ok('GET', "$url/$id"))->{state}
        eq $state }, 20);
    return $r;
}

my $one = made('inside', 'one', 'provisioned');
is($one->{outputs}{where}, 'here', 'what the service says is the output');
is((split /\t/, (lines_of($books))[0])[2], 'sk-' . 'd' x 20,
    '... which got its key by a header');
is(made('inside', 'busy', 'provisioned')->{attempts}, 2,
    'a service that is busy is asked again');
is(made('inside', 'long', 'provisioned')->{attempts}, 2,
    '... also when what it says is cut within a letter');
my $tells = made('inside', 'tells', 'failed')->{error};
is($tells, 'http_failed: the service answered 403: the key ' . '*' x 23
    . ' is not known', 'a key that it says again is told to nobody');
my %keys = map { (split /\t/)[3] => 1 } grep { /\tbusy\t/ } lines_of($books);
is(scalar(keys %keys), 1, '... for the same thing');
like(made('inside', 'moved', 'failed')->{error}, qr/^http_failed: .* 302/,
    'a redirect is not followed');
like(made('outside', 'x', 'failed')->{error}, qr/^http_failed: .*internal/,
    'an internal address is not called without leave');
$t->api_ok('DELETE', "$url/$one->{id}");
ok(wait_until(sub { $t->api_ok('GET', "$url/$one->{id}")->{state}
    eq 'destroyed' }, 20), 'what is gone there is ended');
kill TERM => $pid;
waitpid $pid, 0;

$t->done;
