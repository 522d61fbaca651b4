# What a provider sends behind an answer over TLS is nobody's answer, also when
# it has left the socket together with the answer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::Stage;

my $BUFFER = 16_384;    # what the module reads at once

my $s = Asgard::Stage->new(workers => 1);
my $tls = $s->tls;
my $up = $s->upstream('secure', tls => $tls);
my $key = $s->key($s->project(limit => '-'));
my $other = $s->key($s->project(id => 'proj-other', limit => '-'));
$s->endpoint(id => 'secure', kind => 'openai-compatible', scheme => 'https',
    host => 'localhost', host_header => 'provider.test', port => $up->port,
    tls_name => 'localhost', ca_file => $tls->ca);
$s->model(route => 'one');
$s->publish;
$s->start;

sub answer {
    my ($text) = @_;
    my $body = '{"choices":[{"message":{"content":"' . $text . '"}}],'
        . '"usage":{"prompt_tokens":1,"completion_tokens":1}}';
    return sprintf "HTTP/1.1 200 OK\r\nContent-Length: %05d\r\n\r\n%s",
        length $body, $body;
}

my $rest = answer('of another');
my $whole = answer('a' x ($BUFFER - length answer('')));
is(length $whole, $BUFFER, 'an answer that ends with the buffer');

for my $case (['in its last record', substr($whole, 0, 16_000),
        substr($whole, 16_000) . $rest],
    ['in a record of its own', $whole, $rest])
{
    my ($name, @records) = @$case;
    $up->script({records => \@records}, {text => 'its own'});
    is($s->chat($key, {model => 'one'})->status, 200,
        "$name: the answer is given");
    my $reply = $s->chat($other, {model => 'one'});
    is($reply->at('choices', 0, 'message', 'content'), 'its own',
        "$name: the next caller gets its own");
}

# The id of an entry is "process.number in it": one process a connection.
{
    my %seen;
    $seen{$_->{id} =~ s/\..*//r}++ for $up->books;
    is(scalar keys %seen, 3, 'over a new connection each time');
    is($s->chat($key, {model => 'one'})->status, 200, 'one that is quiet');
    $seen{$_->{id} =~ s/\..*//r}++ for $up->books;
    is(scalar keys %seen, 3, 'is used again');
}

$s->done;
