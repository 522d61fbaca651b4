# The money invariants M1-M5 and M7-M9 of one test, read from Redis, PostgreSQL
# and the fake providers' books: independent witnesses held against each
# other.
package Asgard::Money;

use strict;
use warnings;
use JSON::PP ();
use List::Util qw(max);
use Math::BigInt;
use Test::More;

use Asgard::Files qw(wait_until);

my $numbers = JSON::PP->new;

sub check {
    my ($t) = @_;
    return if !$t->{redis}{process}->is_running
        || !$t->{postgres}{process}->is_running;
    my $drained = wait_until(sub { is_drained($t) }, 10, 0.05);
    ok($drained, 'every event of Redis came into the ledger');
    my $books = read_books($t);
    Asgard::Teardown::nothing_in([limits($books)],
        'spent + held stays within each limit (M1)');
    Asgard::Teardown::nothing_in([states($t)],
        'each hold has one end and a void costs nothing (M2)');
    Asgard::Teardown::nothing_in([held($books)],
        'held in Redis is the sum of the open holds (M3)');
    Asgard::Teardown::nothing_in([spent($t, $books)],
        'spent in Redis is the sum of the ledger (M4)');
    Asgard::Teardown::nothing_in([requests($t, $books)],
        'the providers and the ledger counted the same calls (M5)');
    Asgard::Teardown::nothing_in([prices($t)],
        'each entry is its card times its tokens, rounded up once (M7)');
    Asgard::Teardown::nothing_in([overshoots($t)],
        'no settle above its hold without the flag (M8)');
    Asgard::Teardown::nothing_in([rights($t)],
        'the running role cannot change the ledger or the audit log (M9)');
    audits($t);
}

# asgard-ctl's own proof, beside ours.
sub audits {
    my ($t) = @_;
    my @witness = map { ('--witness', $_) } witness_files($t);
    for my $words (['money', @witness], ['chain']) {
        my ($status, $out, $err) = $t->{control}->run('audit', @$words);
        ok($status == 0, "asgard-ctl audit $words->[0] finds nothing")
            or diag("$out$err");
    }
}

# Every witness file of the test's gateways, the rotated ones too, and empty
# ones: a gateway without any line must not go unseen.  A test that makes calls
# without a gateway sets $t->{unwitnessed_calls}.
sub witness_files {
    my ($t) = @_;
    return if $t->{unwitnessed_calls};
    return map { glob("$_/calls.log.*"), "$_/calls.log" } grep { -d }
        map { "$_->{dir}/log" } Asgard::Teardown::gateways($t);
}

# Nothing waits in a stream: every hold that Redis ended is in `holds`.
sub is_drained {
    my ($t) = @_;
    my ($page, $cursor) = ([], 0);
    my %cursor = map { ("$_->[0]:$_->[1]" => $_->[2]) } $t->{postgres}->rows(
        'SELECT partition, epoch, last_id FROM cursors');
    do {
        $page = $t->{redis}->cmd('SCAN', $cursor, 'MATCH', '{p*}:u:*',
            'COUNT', 1000);
        $cursor = $page->[0];
        for my $stream (@{$page->[1]}) {
            my ($part, $epoch) = $stream =~ /^\{p(\d\d)\}:u:(\d+)$/ or next;
            my $last = $t->{redis}->cmd('XREVRANGE', $stream, '+', '-',
                'COUNT', 1);
            next if !@$last;
            my $seen = $cursor{($part + 0) . ":$epoch"} // '';
            return 0 if is_above($last->[0][0], $seen);
        }
    } while ($cursor ne '0');
    return 1;
}

# Is the stream id $a above $b?  The cursor of an old epoch may be above all
# that is left: the server that was read may be gone with what it had.
sub is_above {
    my ($a, $b) = map { [split /-/, $_ || '0-0'] } @_;
    return ($a->[0] <=> $b->[0] || $a->[1] <=> $b->[1]) > 0;
}

# What Redis says: {budgets => {key => {field => value}}, holds => [...]}.
sub read_books {
    my ($t) = @_;
    my ($cursor, %budgets, @holds) = (0);
    do {
        my $page = $t->{redis}->cmd('SCAN', $cursor, 'MATCH', '{p*',
            'COUNT', 1000);
        $cursor = $page->[0];
        for my $key (@{$page->[1]}) {
            if ($key =~ /^\{p\d\d\}:b:(.+)$/) {
                $budgets{$1} = {@{$t->{redis}->cmd('HGETALL', $key)}};
            } elsif (my ($id) = $key =~ /^\{p\d\d\}:h:(.+)$/) {
                my $value = $t->{redis}->cmd('GET', $key) // next;
                next if $value !~ /^\d/;      # a marker
                my ($amount, undef, undef, $pins) = split / /, $value;
                push @holds, {id => $id, amount => $amount,
                    pins => [split /,/, $pins]};
            }
        }
    } while ($cursor ne '0');
    return {budgets => \%budgets, holds => \@holds,
        may_overdraw => $t->{may_overdraw}};
}

# [budget, window, id, spent, held, limit] of every counter.
sub counters {
    my ($books) = @_;
    my @all;
    for my $budget (sort keys %{$books->{budgets}}) {
        my $b = $books->{budgets}{$budget};
        my %seen;
        for my $field (keys %$b) {
            $seen{"$1:$2"} = [$1, $2] if $field =~ /^[sh]:([^:]+):(\d+)$/;
        }
        for my $which (sort keys %seen) {
            my ($window, $id) = @{$seen{$which}};
            push @all, [$budget, $window, $id, $b->{"s:$which"} // 0,
                $b->{"h:$which"} // 0, $b->{"l:$window"} // '-'];
        }
    }
    return @all;
}

# A lowered limit and a recorded overshoot may leave less than nothing free; a
# test that makes either says so with $t->{may_overdraw}.
sub limits {
    my ($books) = @_;
    return map { my ($budget, $window, $id, $spent, $held, $limit) = @$_;
        $limit ne '-' && $spent + $held > $limit && !$books->{may_overdraw}
            ? "$budget $window:$id: spent $spent + held $held > $limit" : () }
        counters($books);
}

sub states {
    my ($t) = @_;
    my @bad = map { "hold $_->[0] ($_->[1]) has $_->[2] first entries" }
        $t->{postgres}->rows(<<'SQL');
SELECT h.hold_id, h.state, count(l.id) FILTER (WHERE l.kind <> 'adjust') AS n
FROM holds h LEFT JOIN ledger l USING (hold_id)
GROUP BY 1, 2 HAVING count(l.id) FILTER (WHERE l.kind <> 'adjust')
    <> CASE WHEN h.state = 'voided' THEN 0 ELSE 1 END
    AND NOT (h.state = 'voided' AND coalesce(sum(l.delta_nano), 0) = 0)
SQL
    push @bad, map { "hold $_->[0]: entries $_->[1], balance $_->[2]" }
        $t->{postgres}->rows(<<'SQL');
SELECT h.hold_id, coalesce(sum(l.delta_nano), 0), h.balance_nano
FROM holds h LEFT JOIN ledger l USING (hold_id)
GROUP BY h.hold_id, h.balance_nano
HAVING coalesce(sum(l.delta_nano), 0) <> h.balance_nano
SQL
    return @bad;
}

sub held {
    my ($books) = @_;
    my %open;
    for my $hold (@{$books->{holds}}) {
        $open{$_} += $hold->{amount} for @{$hold->{pins}};
    }
    return map { my ($budget, $window, $id, undef, $held) = @$_;
        my $sum = $open{"$budget:$window:$id"} // 0;
        $sum != $held ? "$budget:$window:$id: held $held, open holds $sum" : ()
    } counters($books);
}

# Each entry counts in the windows that its hold was pinned to.
sub spent {
    my ($t, $books) = @_;
    my %sum;
    for ($t->{postgres}->rows(<<'SQL')) {
SELECT h.pins, sum(l.delta_nano) FROM ledger l JOIN holds h USING (hold_id)
GROUP BY h.pins
SQL
        my ($pins, $delta) = @$_;
        $sum{$_} += $delta for split /,/, $pins;
    }
    for ($t->{postgres}->rows('SELECT budget_id, window_name, window_id,'
        . ' amount_nusd FROM openings')) {
        $sum{"$_->[0]:$_->[1]:$_->[2]"} += $_->[3];
    }
    return map { my ($budget, $window, $id, $spent) = @$_;
        my $is = $sum{"$budget:$window:$id"} // 0;
        $is != $spent ? "$budget:$window:$id: Redis $spent, ledger $is" : ()
    } counters($books);
}

# Calls that a fake provider answered with 2xx or never answered must have been
# charged; none was charged that no provider saw.  Only where every model of
# the test is a fake provider's.
sub requests {
    my ($t, $books) = @_;
    my @upstreams = values %{$t->{upstreams}};
    return if !@upstreams || $t->{uncounted_calls};
    my ($answered, $charged);
    wait_until(sub {
        # counting tokens is free, and so is what the keeper asks LiteLLM
        $answered = grep { $_->{worked}
                // ($_->{status} =~ /^2/ || $_->{outcome} ne 'whole') }
            grep { $_->{path} !~ m{count_tokens$|^/(?:health|key)/} }
            map { $_->books } @upstreams;
        $charged = charged_calls($t) + @{$books->{holds}};
        return $answered == $charged;
    }, 2, 0.1);
    return if $answered == $charged;
    return "providers answered $answered calls, charged were $charged";
}

# The embedded echo stands in no fake's books.
sub charged_calls {
    my ($t) = @_;
    return $t->{postgres}->value(<<'SQL');
SELECT count(*) FROM holds WHERE state <> 'voided'
    AND coalesce(detail->>'provider', '') <> 'echo'
SQL
}

# pico-USD by tokens, rounded up once, by big integers: our own reading of the
# card, beside that of the gateway and that of asgard-ctl.
sub prices {
    my ($t) = @_;
    my @bad;
    for ($t->{postgres}->rows(<<'SQL')) {
SELECT l.id, l.delta_nano, l.detail, c.card
FROM ledger l JOIN cards c ON c.card_id = l.detail->>'card'
    AND c.version = (l.detail->>'cv')::bigint
WHERE l.kind = 'settle' AND l.detail->>'pt' IS NOT NULL
    AND l.detail->>'ct' IS NOT NULL
    AND NOT coalesce(l.detail->'flags', '[]') ? 'estimated'
SQL
        my ($id, $delta, @json) = @$_;
        my $cost = price(map { $numbers->decode($_) } @json);
        push @bad, "entry $id: $delta nano-USD, its card says $cost"
            if $cost != $delta;
    }
    return @bad;
}

sub price {
    my ($used, $card) = @_;
    my $n = sub { Math::BigInt->new($used->{$_[0]} // 0) };
    my $above = $card->{above};
    my %p = %{$above && $n->('pt') > $above->{tokens} ? $above : $card};
    my $in = part([$n->('cwh'), max($p{cache_write_pusd},
                $p{cache_write_1h_pusd} // 0)],
        [$n->('cwt') - $n->('cwh'), $p{cache_write_pusd}],
        [$p{audio_in_pusd} ? $n->('ait') : 0, $p{audio_in_pusd} // 0],
        [$n->('cat'), $p{cached_pusd}], [$n->('pt'), $p{in_pusd}],
        $n->('pt'));
    my $out = part([$n->('rt'), $p{reasoning_pusd}],
        [$p{audio_out_pusd} ? $n->('aot') : 0, $p{audio_out_pusd} // 0],
        [$n->('ct'), $p{out_pusd}], $n->('ct'));
    return ($in + $out + 999) / 1000;
}

# [tokens, price]… in the order in which they count, until `$left` are counted.
sub part {
    my $left = pop;
    my $sum = Math::BigInt->new(0);
    for (@_) {
        my ($tokens, $price) = @$_;
        $tokens = $left if $tokens > $left;
        $sum += $tokens * Math::BigInt->new($price);
        $left -= $tokens;
    }
    return $sum;
}

sub overshoots {
    my ($t) = @_;
    return map { "hold $_->[0]: held $_->[1], charged $_->[2]" }
        $t->{postgres}->rows(<<'SQL');
SELECT hold_id, held_nano, balance_nano FROM holds
WHERE held_nano IS NOT NULL AND balance_nano > held_nano
    AND NOT coalesce(detail->'flags', '[]') ? 'overshoot'
SQL
}

sub rights {
    my ($t) = @_;
    return map { "$_->[0] $_->[1]" } $t->{postgres}->rows(<<'SQL');
SELECT t, p FROM (SELECT unnest(ARRAY['ledger', 'ledger_seqs',
        'ledger_months', 'ledger_gaps', 'audit_events', 'audit_seals'])
    UNION SELECT inhrelid::regclass::text FROM pg_inherits
    WHERE inhparent = 'ledger'::regclass) r(t),
    unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) p
WHERE has_table_privilege('asgard', t, p)
SQL
}

1;
