# Rows of the abuse table: one hostile input, its exact outcome, and what must
# hold after each of them.
#
#     my $t = Asgard::Abuse->new;             # the words of Asgard::Test
#     $t->start;
#     $t->row(26, 'a call without a key', sub {
#         $t->refused($t->chat(undef), 401, 'missing_api_key',
#             headers => {'www-authenticate' => 'Bearer'});
#     });
#     $t->row(21, 'an Upgrade', sub {
#         my $seen = $t->served($t->call(undef, 'Upgrade', 'websocket'));
#         is(header_seen($seen, 'upgrade'), undef, 'is not passed on');
#     });
#     $t->done;
#
# The stack is real: nginx, Redis, PostgreSQL, asgard-ctl, and the fake
# provider `main` with the model `one`; start() makes a project with money
# ($t->{project}) and a key of it ($t->{key}).  More models, keys and providers
# are made as in any other test.
#
# A row is a subtest `row N: SENTENCE`.  After its code the common checks run:
# the worker is the same and answers; the providers saw exactly the calls that
# the row says were served; no hold is open; spent grew by what those calls
# cost and nothing else; no new alert; neither key nor prompt stands in a reply
# that was judged, in a log or in the audit log.  What differs is said as words
# after the code:
#
#     calls => N          calls that reach a provider (else: served() ones)
#     spent_nusd => N     what they cost (else: calls x 210,000)
#     open_holds => N     holds of unknown outcome that stay
#     echoes => 1         a reply may hold the prompt
#
# Money may come late: it is waited for, $t->{patience} seconds at most (15).
package Asgard::Abuse;

use strict;
use warnings;
use parent qw(Asgard::Test);
use Exporter qw(import);
use Test::More;

use Asgard::FakeUpstream;
use Asgard::Files qw(slurp wait_until);
use Asgard::Holds;
use Asgard::Money;
use Asgard::Teardown;

our @EXPORT_OK = qw(header_seen);

# 10 tokens in and 20 out, as the fake provider reports, at Test's card.
my $call_nusd = 210_000;

sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new(workers => 1, %arg);
    $self->add_model($self->upstream('main'), ref => 'model:test/one',
        route => 'one');
    return $self;
}

sub start {
    my ($self) = @_;
    $self->SUPER::start;
    $self->{project} = $self->project(budget_usd => '100');
    $self->{key} = $self->key(project => $self->{project});
    return $self;
}

# A good chat call with the good key; a change of its body, more headers.
sub call {
    my ($self, $change, @headers) = @_;
    return $self->chat($self->{key}, {model => 'one', %{$change // {}}},
        @headers);
}

# The bytes of a good chat call, to be spoiled: head lines after the request
# line, each without its line end, and the body.  `without` names standard
# lines that are left out.
sub call_text {
    my ($self, %arg) = @_;
    my $body = $arg{body} // $self->chat_body({model => 'one'});
    my $line = $arg{line} // 'POST /v1/chat/completions HTTP/1.1';
    my %standard = (host => 'Host: 127.0.0.1',
        authorization => "Authorization: Bearer $self->{key}{key}",
        'content-type' => 'Content-Type: application/json',
        'content-length' => 'Content-Length: ' . length $body);
    delete @standard{@{$arg{without} // []}};
    return join "\r\n", $line, (map { $standard{$_} } sort keys %standard),
        @{$arg{head} // []}, '', $body;
}

# --- judging a reply ----------------------------------------------------------

# A refusal: status, code and param (none: null) exactly, the shape of the data
# plane, and headers by name; a header that is undef must be absent.
sub refused {
    my ($self, $reply, $status, $code, %want) = @_;
    $self->judged($reply);
    is($reply->status, $status, "status $status");
    is($reply->at('error', 'code'), $code, "code $code");
    is($reply->at('error', 'param'), $want{param},
        'param ' . ($want{param} // 'null'));
    my $error = $reply->at('error');
    is_deeply([ref $error eq 'HASH' ? sort keys %$error : ()],
        [sort qw(code message param type), @{$want{more} // []}],
        'the members of a refusal');
    $self->refusal_headers($reply, %{$want{headers} // {}});
    return $reply;
}

# A refusal by the control plane.
sub refused_control {
    my ($self, $reply, $status, $code, %headers) = @_;
    $self->judged($reply);
    is($reply->status, $status, "status $status");
    is($reply->at('code'), $code, "code $code");
    is_deeply([sort keys %{$reply->json // {}}], [qw(code error trace_id)],
        'the members of a refusal by the control plane');
    $self->refusal_headers($reply, %headers);
    return $reply;
}

sub refusal_headers {
    my ($self, $reply, %want) = @_;
    like($reply->trace // '', qr/^[\w.-]{1,64}$/, 'a trace id');
    is(scalar $reply->header('content-type'), 'application/json', 'JSON');
    is(scalar $reply->header($_), $want{$_}, "header $_: "
        . ($want{$_} // 'none')) for sort keys %want;
}

# Answered, by one call that a provider saw: its entry in the books.
sub served {
    my ($self, $reply) = @_;
    $self->judged($reply);
    is($reply->status, 200, 'served') or diag($reply->body);
    $self->{row}{served}++;
    return $self->upstream('main')->last_request;
}

# Its secrets are looked for when the row ends.
sub judged {
    my ($self, $reply) = @_;
    push @{$self->{row}{replies}}, $reply;
    return $reply;
}

# What a provider got as the value of a header; undef: no such header.
sub header_seen {
    my ($entry, $name) = @_;
    return Asgard::FakeUpstream->header_of($entry, $name);
}

# --- a row --------------------------------------------------------------------

sub row {
    my ($self, $number, $sentence, $code, %want) = @_;
    $self->{row} = {served => 0, replies => [], before => $self->state};
    subtest "row $number: $sentence" => sub {
        $code->();
        subtest 'what must hold after every row' =>
            sub { $self->check_row(%want) };
    };
}

sub state {
    my ($self) = @_;
    return {workers => join(' ', map { $_->workers } $self->gateways),
        calls => $self->calls, spent => $self->spent,
        audit => $self->{postgres}->value(
            'SELECT coalesce(max(id), 0) FROM audit_events'),
        log_at => {map { $_ => -s $_ // 0 } $self->log_files}};
}

sub calls {
    my ($self) = @_;
    my $n = 0;
    $n += $_->count for values %{$self->{upstreams}};
    return $n;
}

# Of all projects, in nano-USD, in the window that never ends.
sub spent {
    my ($self) = @_;
    my $sum = 0;
    for (Asgard::Money::counters(Asgard::Money::read_books($self))) {
        my ($budget, $window, undef, $spent) = @$_;
        $sum += $spent if $budget =~ /^p\./ && $window eq 'total';
    }
    return $sum;
}

sub log_files {
    my ($self) = @_;
    return (map { my $dir = $_->{dir}; map { "$dir/log/$_" }
            qw(error.log access.log calls.log) } $self->gateways),
        map { "$_->{dir}/log/ctl.log" } Asgard::Teardown::controls($self);
}

sub check_row {
    my ($self, %want) = @_;
    my $row = $self->{row};
    my $calls = $want{calls} // $row->{served};
    my $spent = $want{spent_nusd} // $calls * $call_nusd;
    my $open = $want{open_holds} // 0;
    is(join(' ', map { $_->workers } $self->gateways),
        $row->{before}{workers}, 'no worker ended');
    is(eval { $self->get('/healthz')->status } // 0, 200, 'and it answers');
    is($self->calls - $row->{before}{calls}, $calls,
        "the providers saw $calls calls");
    my ($held, $grown);
    wait_until(sub {
        $held = Asgard::Holds::open_holds($self);
        $grown = $self->spent - $row->{before}{spent};
        return $held == $open && $grown == $spent;
    }, $self->{patience} // 15);
    is($held, $open, "$open holds are open");
    is($grown, $spent, "spent grew by $spent nano-USD");
    my %new = $self->written;
    Asgard::Teardown::nothing_in([$self->new_alerts(%new)], 'no alert');
    Asgard::Teardown::nothing_in([$self->leaks(\%want, %new)],
        'no secret and no prompt in a reply, a log or the audit log');
}

# What was written since the row began, by the place where it stands.
sub written {
    my ($self) = @_;
    my $before = $self->{row}{before};
    my %new = map { $_ => substr slurp($_), $before->{log_at}{$_} // 0 }
        $self->log_files;
    $new{'the audit log'} = join "\n", map { $_->[0] }
        $self->{postgres}->rows('SELECT a::text FROM audit_events a'
            . " WHERE id > $before->{audit}");
    return %new;
}

sub new_alerts {
    my ($self, %new) = @_;
    return grep { my $line = $_;
        !grep { $line =~ $_ } @{$self->{allowed_alerts}} }
        grep { /\[(?:alert|emerg|crit)\]/ }
        map { split /\n/, $new{$_} } grep { /error\.log$/ } keys %new;
}

sub leaks {
    my ($self, $want, %new) = @_;
    my $n = 0;
    $new{'reply ' . ++$n} = join "\n", $_->{head} // '', $_->body
        for @{$self->{row}{replies}};
    my @bad;
    for my $name (sort keys %{$self->{canaries}}) {
        my @where = grep { index($new{$_}, $self->{canaries}{$name}) >= 0 }
            sort keys %new;
        @where = grep { !/^reply/ } @where
            if $want->{echoes} && $name eq 'the prompt';
        push @bad, map { "$name stands in $_" } @where;
    }
    return @bad;
}

1;
