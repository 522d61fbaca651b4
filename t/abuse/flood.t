# Row 36: who shows many bad keys is told to stop; who shows a good one is
# served, from the same address too, and is not forgotten for the others' sake.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Asgard::Abuse;
use Asgard::Files qw(random_hex);

# The smallest zone: what floods would fill is soon full.
my $t = Asgard::Abuse->new(workers => 2, zone => '4m', http_conf =>
    'set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;');
$t->start;

my $next_address = 0;
sub fresh_address { return sprintf '198.51.100.%d', ++$next_address }

# Bytes that ask for the list of models with this key, from this address.
sub ask {
    my ($http, $key, $address, $path) = @_;
    return $http->request_text('GET', $path // '/v1/models', [
        defined $key ? ('Authorization', "Bearer $key") : (),
        defined $address ? ('X-Real-IP', $address) : ()]);
}
sub unknown { return 'asg_' . random_hex(32) }

# All at once on one connection: their replies.
sub at_once {
    my (@asked) = @_;
    my $http = $t->http;
    $http->send_raw(join '', map { ask($http, @$_) } @asked);
    return map { my $reply = $http->read_head;
        $http->plan_body($reply); $http->read_body($reply) } @asked;
}
sub flood { my ($address, $n) = @_;
    return at_once(map { [unknown(), $address] } 1 .. $n // 40) }
sub statuses { my %n; $n{$_->status}++ for @_; return \%n }

# What comes back while bad keys are shown: ten of them, and ten more a second,
# are told what they are; the others are a flood.
sub is_limited {
    my ($show, $sentence) = @_;
    my $begun = time;
    my @replies = $show->();
    my $n = statuses(@replies);
    cmp_ok($n->{401} // 0, '<=', 11 + 10 * (time - $begun), $sentence);
    is(($n->{401} // 0) + ($n->{429} // 0), @replies,
        'the others are refused as a flood');
    return @replies;
}

$t->row(36, 'forty bad keys at once', sub {
    my $address = fresh_address();
    my @replies = is_limited(sub { flood($address) }, 'ten, and few more');
    is_deeply(statuses(@replies[0 .. 9]), {401 => 10}, 'ten are unknown keys');
    my ($over) = grep { $_->status == 429 } @replies;
    $t->refused($over, 429, 'rate_limit_exceeded', headers =>
        {'retry-after' => '1', 'x-should-retry' => undef,
            'www-authenticate' => undef});
    is($over->at('error', 'type'), 'rate_limit_error', 'of the type of limits');
    like($over->at('error', 'message'), qr/keys that are not valid/,
        'the text says what is wrong');
    sleep 1.1;
    my ($again) = at_once([unknown(), $address]);
    $t->refused($again, 401, 'invalid_api_key');
});

$t->row(36, 'twenty bad keys a second, from the socket\'s address', sub {
    my $begun = time;
    is_limited(sub { map { my $wait = $begun + $_ * 0.05 - time;
        sleep $wait if $wait > 0; at_once([unknown()]) } 1 .. 60 },
        'are too many');
});

$t->row(36, 'bad keys of no grammar', sub {
    my $address = fresh_address();
    is_limited(sub { at_once(map { ["bad$_", $address] } 1 .. 40) },
        'count like unknown ones');
});
$t->row(36, 'no key at all', sub {
    my $address = fresh_address();
    is_deeply(statuses(at_once(map { [undef, $address] } 1 .. 40)),
        {401 => 40}, 'is not a bad key');
});

$t->row(36, 'a good key from an address that floods', sub {
    my $address = fresh_address();
    is_limited(sub { flood($address) }, 'it floods');
    $t->served($t->call(undef, 'X-Real-IP', $address));
    my $new = $t->key(project => $t->{project});
    flood($address);
    $t->served($t->chat($new, {model => 'one'}, 'X-Real-IP', $address));
    my @mixed = at_once(map { [$_ % 2 ? unknown() : $t->{key}{key}, $address] }
        1 .. 40);
    is_deeply(statuses(@mixed[grep { $_ % 2 } 0 .. 39]), {200 => 20},
        'every good one among bad ones is served');
});
$t->row(36, 'a good key elsewhere', sub {
    is_limited(sub { flood(fresh_address()) }, 'one address floods');
    $t->served($t->call(undef, 'X-Real-IP', fresh_address()));
    is_deeply(statuses(flood(fresh_address(), 5)), {401 => 5},
        'a bad key elsewhere is told what it is');
});

for (['one IPv6 /64', '2001:db8:1:2::#', 1],
    ['many IPv6 /64', '2001:db8:#::1', 0],
    ['many IPv4 addresses', '203.0.113.#', 0],
    ['one IPv4 address written as IPv6', '::ffff:203.0.114.1', 1])
{
    my ($what, $form, $is_one) = @$_;
    $t->row(36, "bad keys from $what", sub {
        my $show = sub { at_once(map { my $n = $_;
            [unknown(), $form =~ s/#/$n/r] } 1 .. 40) };
        return is_limited($show, 'they count together') if $is_one;
        is_deeply(statuses($show->()), {401 => 40}, 'they count apart');
    });
}
$t->row(36, 'IPv4 and the same address as IPv6', sub {
    is_limited(sub { flood('203.0.115.1'), flood('::ffff:203.0.115.1') },
        'are one');
});

$t->row(36, 'many connections over all workers', sub {
    my $address = fresh_address();
    is_limited(sub { map { flood($address, 5) } 1 .. 20 }, 'count together');
});

# --- tokens of the control API

my $api = '/api/projects?limit=1';
sub bad_token { my ($address) = @_;
    return ['asg_pat_' . random_hex(32), $address, $api] }
sub api_flood { my ($address) = @_;
    return at_once(map { bad_token($address) } 1 .. 40) }

$t->row(36, 'forty bad tokens at once', sub {
    my $address = fresh_address();
    my ($shown, $refused) = bad_tokens();
    my @replies = is_limited(sub { api_flood($address) }, 'ten, and few more');
    is_deeply(statuses(@replies[0 .. 9]), {401 => 10}, 'ten are unknown');
    my @over = grep { $_->status == 429 } @replies;
    $t->refused_control($over[0], 429, 'rate_limit_exceeded',
        'retry-after' => '1', 'www-authenticate' => undef);
    is_deeply([bad_tokens()], [$shown + 40, $refused + @over],
        'all are counted');
    sleep 1.1;
    $t->refused_control(at_once(bad_token($address)), 401, 'invalid_token');
});
$t->row(36, 'a good token from an address that floods', sub {
    my $address = fresh_address();
    is_limited(sub { api_flood($address) }, 'it floods');
    my @mixed = at_once(map { $_ % 2 ? bad_token($address)
        : [$t->admin_token, $address, $api] } 1 .. 20);
    is_deeply(statuses(@mixed[grep { $_ % 2 } 0 .. 19]), {200 => 10},
        'every good one among bad ones is served');
    $t->refused_control(at_once([undef, $address, $api]), 401,
        'missing_token');
    is_deeply(statuses(map { at_once(bad_token(fresh_address())) } 1 .. 20),
        {401 => 20}, 'addresses count apart');
});
$t->row(36, 'bad tokens of one IPv6 /64, and a project\'s key', sub {
    is_limited(sub { at_once(map { bad_token("2001:db8:9:9::$_") } 1 .. 40) },
        'they count together');
    my $address = fresh_address();
    is_limited(sub { at_once(map { [$t->{key}{key}, $address, $api] }
        1 .. 40) }, 'here it is a bad token');
    $t->served($t->call(undef, 'X-Real-IP', $address));
});

# --- what they fill

sub bad_tokens {
    my $text = $t->get('/metrics/ctl')->body;
    return map { $text =~ /^asgard_bad_tokens$_ (\d+)$/m }
        qw(_total _refused_total);
}

sub metric {
    my ($name) = @_;
    my $text = $t->get('/metrics')->body;
    return $text =~ /^\Q$name\E (\d+)$/m ? $1 : undef;
}

$t->row(36, '20,000 unknown keys, each another one', sub {
    $t->served($t->call);
    my $misses = metric('asgard_key_misses_total');
    my $n = statuses(map { flood('2001:db8:ffff::1', 500) } 1 .. 40);
    is($n->{401} + $n->{429}, 20_000, 'every one is refused');
    my ($hits, $asked) = map { metric("asgard_key_${_}_total") }
        qw(hits misses);
    cmp_ok($asked - $misses, '>=', 19_000, 'Redis was asked for them');
    $t->served($t->call);
    is(metric('asgard_key_hits_total') - $hits, 1, 'a good key is still known');
    is(metric('asgard_key_misses_total') - $asked, 0, '... without Redis');
});

$t->done;
