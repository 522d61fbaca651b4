#!/usr/bin/env perl
# A Redis Cluster takes every script and every command of asgard-ctl and a
# gateway: what a script touches is declared, no name of a key is built inside
# one, and on a node with all slots calls are made, Redis is lost and seeded
# again, and the audit finds all well.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Files qw(slurp top wait_until);
use Asgard::OneModel qw(one_model);
use Asgard::Partition;
use Asgard::Port qw(free_port);
use Asgard::PrivateRedis;

sub owns_all {
    my ($redis) = @_;
    $redis->cmd('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
    return wait_until(sub {
        $redis->cmd('CLUSTER', 'INFO') =~ /cluster_state:ok/ }, 10, 0.05);
}

# Scripts run as a user who may touch the keys that the call declares, and no
# others; all else as the test's own.
{
    package Declared;
    our %ran;
    sub new { my ($class, $server) = @_;
        my $self = bless {all => $server->client, some => $server->client},
            $class;
        $self->{all}->cmd('ACL', 'SETUSER', 'some', 'on', 'nopass', '+@all');
        $self->{some}->cmd('AUTH', 'some', '');
        return $self }
    sub cmd { my $self = shift; return $self->{all}->cmd(@_) }
    sub run_id { return $_[0]{all}->run_id }
    sub script { my ($self, $name, $keys, @argv) = @_;
        $self->{all}->cmd('ACL', 'SETUSER', 'some', 'resetkeys',
            map { "~$_" } @$keys);
        my $verb = $name eq 'seed' || $name eq 'finish'
            ? " $argv[$name eq 'seed' ? 0 : 2]"
            : $name eq 'reserve' ? " $argv[4]" : '';
        my $reply = $self->{some}->script($name, $keys, @argv);
        $ran{"$name$verb"} = 1 if $reply->[0] =~ /^(?:OK|LATE)$/;
        return $reply }
}

my $server = Asgard::PrivateRedis->new('cluster-enabled' => 'yes',
    port => free_port(), bind => '127.0.0.1', 'cluster-port' => free_port());
ok(owns_all($server->client), 'one node has all slots');
my $redis = Declared->new($server);
my $bad = eval { $redis->script('beat', ['{asg}:workers'], 'w1', 60);
    $redis->{some}->cmd('ZCARD', '{p00}:x'); 1 } ? '' : "$@";
like($bad, qr/NOPERM/, 'what is not declared is refused');

my $p = Asgard::Partition->new(redis => $redis, part => 4);
my ($now, $day) = (time, time - time % 86400);
my ($B, $U) = ($p->key('b:p.x'), $p->stream);
$p->seed('close', []);
$p->seed('budget', [$B], 1, 'total:t', $now - 9, 'total', 1000, '|',
    's:total:0', 0, 'g:1d:0', 3);
$p->seed('hold', [$p->key('h:old'), $p->key('x'), $B], 'old', 5, $now,
    $now + 60, 'p.x:total:0', '');
$p->seed('drop', [$p->key('h:none')]);
$p->seed('budget', [$p->key('b:e.all'), $p->key('e:e.all')], 1,
    'total:t,1d:p:86400:345600', $now - 9, 'total', '-', '1d', 50, '|');
$p->seed('users', [map { $p->key($_) } qw(b:e.all e:e.all b:e.one)],
    $day + 86400, 1, "s:1d:$day", 4);
$p->seed('adopt', [], 0);
$p->reserve('told', 7, ['p.x'], mode => 'A',
    pins => "p.x:total:0,p.x:1d:$day", limits => [['k.y', '-', '-', '0']]);
$p->finish('late', 's', 4, 'p.x:total:0', ['p.x']);
$p->seed('open', [], 0, 1000, '0-0');
$p->{version} = 2;
my $last = ($p->events)[-1]{id};
is($p->seed('limit', [$B, $U], 2, 'total:t,1d:p:86400:345600', 'total', 1000,
    '-', '1d', 100, "$day:0:0:0:$last")->[0], 'OK', 'a window is added');
is($p->field('p.x', "h:1d:$day"), 7, '... with what was held of it');
$p->seed('relimit', [$B], 3, 'total', 900);
$p->{version} = 1;
$p->add('k.y', total => '-', '1h' => 50);
$p->seed('dur', [], '1-1');
my @both = ('k.y', 'p.x');
my @limits = (limits => [['k.y', 10, 1000, 3], ['p.x', 10, '-', '-']]);
my %r = map { $_ => $p->reserve($_, 10, \@both, @limits) } qw(a b c);
is($r{$_}[0], $_ eq 'c' ? 'RATE' : 'OK', "call $_: $r{$_}[0]") for sort keys %r;
is($p->reserve($_, 10, ['p.x', "e.$_"], users => 'e.all')->[0], 'OK',
    "a call of the end user $_") for qw(one two);
$p->extend('a', 90, 86400);
$p->finish('a', 's', 3, $r{a}[1], \@both,
    marks => {'k.y' => $r{a}[4] // '', 'p.x' => $r{a}[5] // ''}, used => 2);
$p->finish('b', 'e', 2, $r{b}[1], \@both);
$redis->script('release', [$p->key('o:k.y')], 'b');
my $x = $p->reserve('x', 1, \@both, ttl => 1);
$p->finish('v', 'v', 0, '', \@both);
$p->finish('told', 'p', 2, "p.x:total:0,p.x:1d:$day", ['p.x']);
$p->apply(1, -1, 'p.x:total:0', ['p.x']);
ok(wait_until(sub { $p->finish('x', 'x', 0, '', \@both)->[0] eq 'OK' }, 10,
    0.1), 'a hold expires');
$redis->script('publish', ['{asg}:key:p1:00', '{asg}:ver'], 1, '{}', '', '');
is_deeply([grep { my $name = $_; !grep { /^\Q$name\E\b/ } keys %Declared::ran }
    map { m{(\w+)\.lua$} } glob top() . '/ngx_asgard_module/core/lua/*.lua'],
    [], 'every script did its work with the keys that it declares');
is_deeply([grep { !$Declared::ran{$_} } 'reserve R', 'reserve A',
    (map { "finish $_" } qw(s e v x p)), map { "seed $_" } qw(close drop budget
    users hold adopt open limit relimit add dur)], [], '... with every verb');

# A command's key is one of KEYS, or a variable that was set to one.
for my $file (glob top() . '/ngx_asgard_module/core/lua/{,part/}*.lua') {
    my $text = slurp($file) =~ s/--[^\n]*//gr;
    my @made = grep { !/^(?:unpack\()?KEYS\b|^(?:key|slots|pin\.key|user\.key
            |default|members)$/x }
        map { s/^\s+|\s+$//gr } $text =~ /(?:call\('(?!PUBLISH)[A-Z]+',
            |\{'(?:[HX]?SET|HDEL|DEL|EXPIRE|Z\w+|XADD)',) ([^,)}]*)/gx;
    push @made, $text =~ /call\('(?:SORT|SCAN|KEYS|RANDOMKEY)'/g,
        $text =~ /\bcall\((?!'|unpack\(command\))[^)]*\)/g;
    my ($name) = $file =~ m{([^/]+)$};
    is_deeply(\@made, [], "$name builds no name of a key");
}

# --- the whole of it ----------------------------------------------------------

my ($t, $up, $project, $key);
{
    no warnings 'redefine';
    my $new = \&Asgard::RedisServer::new;
    local *Asgard::RedisServer::new = sub {
        my $node = $new->(@_, conf => "cluster-enabled yes\ncluster-port "
            . free_port() . "\n");
        ok(owns_all($node), 'a node of the whole');
        return $node;
    };
    ($t, $up, $project, $key) = one_model(redis_deadline => '2s');
}
is($t->chat($key, {model => 'one'})->status, 200, 'a call is served');
$t->{redis}->cmd('FLUSHALL');
ok(wait_until(sub { $t->chat($key, {model => 'one'})->status == 200 }, 20,
    0.1), 'Redis is lost and seeded again');
$t->{control}->run_ok('reseed');
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM ledger') == 2 },
    20, 0.1), '... and by command, which reads what is left');
ok(wait_until(sub { ($t->{control}->run('audit', 'money'))[0] == 0 }, 20, 0.2),
    'the audit finds all well');
$t->done;
