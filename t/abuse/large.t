# Row 65: a whole answer is held in memory up to 64 MB, to the byte, whatever
# way its length is told.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Hostile;

my $t = Asgard::Hostile->new(http_conf => 'asgard_body_memory 300m;');
$t->start;

my $most = 64 << 20;
my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $before = '{"usage":{"prompt_tokens":10,"completion_tokens":20},"detail":"';

sub object { $before . 'x' x ($_[0] - length($before) - 2) . '"}' }

my %framed = (
    'with its length' => sub {
        "Content-Length: $_[0]\r\n\r\n" . object($_[0]) },
    'in chunks' => sub {
        "Transfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n%s\r\n0\r\n\r\n",
            $_[0], object($_[0])) },
    'to the end of the connection' => sub { "\r\n" . object($_[0]) },
);
for my $how (sort keys %framed) {
    $t->row(65, "a whole answer of 64 MB, $how", sub {
        my $reply = $t->answered({raw => $head . $framed{$how}->($most)});
        is($reply->status, 200, 'served');
        is(length $reply->body, $most, 'whole');
        $t->cost($reply, 's');
    });
    $t->row(65, "a byte more, $how", sub {
        my $reply = $t->answered({raw => $head . $framed{$how}->($most + 1)});
        $t->refused($reply, 502, 'upstream_error',
            headers => {'x-should-retry' => 'false'});
        # its last byte came, or nobody knows
        $t->cost($reply, 'e', $how eq 'with its length'
            ? 'estimated no_usage' : 'cut estimated no_usage');
    });
}

$t->done;
