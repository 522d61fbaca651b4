# Row 38: without Redis nobody is let in, known or not, and nothing is free.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use Asgard::Abuse;
use Asgard::Files qw(random_hex wait_until);

my $t = Asgard::Abuse->new;
$t->start;
$t->allow_alert(qr/[Rr]edis/);
my $unseen = $t->key(project => $t->{project});

# What the code meets while Redis is down; it is back when the row ends, and
# the gateway believes it again.
sub without_redis {
    my ($code) = @_;
    $t->{redis}->kill;
    $code->();
    $t->{redis}->start;
    wait_until(sub { $t->get('/readyz')->status == 200 }, 30, 0.1)
        or die 'not ready again: ' . $t->{gateway}->error_log;
}

sub unavailable {
    my ($reply) = @_;
    $t->refused($reply, 503, 'budget_unavailable',
        headers => {'retry-after' => '1', 'x-should-retry' => undef});
}

$t->row(38, 'a valid key, known to the worker', sub {
    $t->served($t->call);
    without_redis(sub {
        my $begun = time;
        unavailable($t->call);
        cmp_ok(time - $begun, '<', 2, 'it is said at once');
        unavailable($t->call({stream => \1}));
    });
});

for (['a valid key, not seen before', $unseen->{key}],
    ['an unknown key', 'asg_' . random_hex(32)],
    ['an unknown imported key', 'sk-' . random_hex(20)])
{
    my ($what, $key) = @$_;
    $t->row(38, $what, sub {
        without_redis(sub {
            unavailable($t->chat($key, {model => 'one'}));
            unavailable($t->get('/v1/models', 'Authorization',
                "Bearer $key"));
        });
    });
}

$t->row(38, 'what is no key at all', sub {
    without_redis(sub {
        $t->refused($t->chat('nonsense', {model => 'one'}), 401,
            'invalid_api_key');
    });
});

# The first answer that is not 503: Redis must be told of every key first.
sub at_last {
    my ($key) = @_;
    my $reply;
    wait_until(sub {
        $reply = $t->chat($key, {model => 'one'});
        return $reply->status != 503;
    }, 20, 0.2);
    return $reply;
}

$t->row(38, 'Redis that is back', sub {
    $t->refused(at_last('asg_' . random_hex(32)), 401, 'invalid_api_key');
    $t->served(at_last($unseen));
});

$t->done;
