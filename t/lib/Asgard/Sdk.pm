# What an official SDK meets: a private Asgard with echo, four fake providers
# and keys of every fate.  The checks themselves are programs in the SDK's own
# language (t/sdk/checks.*) that print TAP; here their lines become assertions.
package Asgard::Sdk;

use strict;
use warnings;
use Carp qw(croak);
use POSIX ();
use Test::More ();

use Asgard::Files qw(slurp top wait_until);
use Asgard::Test;

sub sdk_dir { top() . '/build/sdk' }

# Stops the run with what to do when make test-sdk has put nothing there.
sub must_have {
    my ($what) = @_;
    my $there = sdk_dir() . "/$what";
    die "no $there: run 'make test-sdk' once"
        if !-e $there;
    return $there;
}

# program('checks.py'), or .cjs: what ->checks takes to run this file of t/sdk.
sub program {
    my ($file) = @_;
    my $path = top() . "/t/sdk/$file";
    return ({PYTHONDONTWRITEBYTECODE => 1}, must_have('venv/bin/python'), $path)
        if $file =~ /\.py$/;
    return ({NODE_PATH => must_have('node_modules')}, 'node', $path);
}

# new(url => where the SDK goes, and words of Gateway.pm): everything runs;
# ->test is the Asgard::Test.  `before` is called with it before it starts.
sub new {
    my ($class, %arg) = @_;
    my ($url, $before) = delete @arg{qw(url before)};
    my $t = Asgard::Test->new(workers => 2, %arg);
    my $self = bless {test => $t, url => $url}, $class;
    $before->($t) if $before;
    $self->provider('main', 'one',
        prompt_tokens => 10, completion_tokens => 20);
    $self->provider('busy', 'busy', status => 429,
        headers => {'Retry-After' => 7});
    $self->provider('picky', 'picky', status => 400);
    $self->provider('locked', 'locked', status => 401);
    $self->provider('slow', 'slow', hang => 30);
    $t->start;
    $self->make_keys;
    return $self;
}

sub test { $_[0]{test} }

sub provider {
    my ($self, $name, $route, %defaults) = @_;
    my $t = $self->{test};
    $self->{up}{$name} = $t->upstream($name, %defaults);
    $t->add_service($name, $self->{up}{$name},
        inference => {first_byte_timeout => '1s'},
        models => [{ref => "model:test/$route", route => $route}]);
}

sub make_keys {
    my ($self) = @_;
    my $t = $self->{test};
    my %project = (good => $t->project(budget_usd => '50'),
        poor => $t->project(budget_usd => '0'),
        killed => $t->project(budget_usd => '1'));
    my %key = map { $_ => $t->key(project => $project{$_}) } keys %project;
    $key{revoked} = $t->key(project => $project{good});
    $key{narrow} = $t->key(project => $project{good}, models => ['one']);
    $t->kill_project($project{killed});
    $t->revoke_key($project{good}, $key{revoked}{id});
    @$self{qw(projects keys)} = (\%project, \%key);
}

sub environment {
    my ($self) = @_;
    my %key = %{$self->{keys}};
    return (ASGARD_URL => $self->{url} // $self->{test}->url,
        ASGARD_POOR_PROJECT => $self->{projects}{poor},
        map { ("ASGARD_\U$_\E_KEY" => $key{$_}{key}) } keys %key);
}

# Run a program in a clean environment: (exit status, standard output, errors).
sub run {
    my ($self, $env, @command) = @_;
    my $base = "$self->{test}{dir}/program";
    my $pid = fork() // croak "fork: $!";
    if (!$pid) {
        %ENV = (PATH => $ENV{PATH}, HOME => $self->{test}{dir},
            LANG => 'C.UTF-8', %$env);
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$base.out" or POSIX::_exit(126);
        open STDERR, '>', "$base.err" or POSIX::_exit(126);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my @result = ($? >> 8 || $? & 127, slurp("$base.out"), slurp("$base.err"));
    unlink "$base.out", "$base.err";
    return @result;
}

# The program again while Redis hangs; afterwards only the call of the silent
# provider may be open.
sub checks_without_redis {
    my ($self, $env, @command) = @_;
    my $t = $self->{test};
    $t->{redis}->freeze;
    $self->checks($env, @command, 'redis-away');
    $t->{redis}->thaw;
    Test::More::ok(wait_until(sub {
        $t->chat($self->{keys}{good})->status == 200 }, 10),
        'calls go through again');
    Test::More::ok(wait_until(sub { $self->open_holds == 1 }, 10, 0.1),
        'and what the refused calls may have held is given back');
}

sub open_holds {
    my ($self) = @_;
    my $redis = $self->{test}{redis};
    return scalar grep { ($redis->cmd('GET', $_) // '') =~ /^\d/ }
        @{$redis->cmd('KEYS', '{p*}:h:*')};
}

# Each line of TAP is an assertion here; the program must say how many it made.
sub checks {
    my ($self, $env, @command) = @_;
    my ($status, $out, $err) = $self->run({$self->environment, %$env},
        @command);
    my ($n, $plan) = (0, -1);
    for (split /\n/, $out) {
        if (/^(not )?ok \d+ - (.*)$/) {
            Test::More::ok(!$1, $2);
            $n++;
        } elsif (/^1\.\.(\d+)$/) {
            $plan = $1;
        } else {
            Test::More::diag($_);
        }
    }
    Test::More::ok($status == 0 && $n == $plan, 'the program ran to its end')
        or Test::More::diag("exit status $status\n$err");
}

1;
