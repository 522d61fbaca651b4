#!/usr/bin/perl
# Fifty registrations at once, over two asgard-ctl: every id once, none left
# out, also where one of them is refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use Test::More;

use Asgard::Test;

my $t = Asgard::Test->new;
$t->start;
my $second = $t->another_control;
$second->{migrated} = 1;
$second->start;
my $token = $t->admin_token;
my %body = (name => 'n', owner_email => 'o@example.com',
    manager_email => 'm@example.com');

# Without a gateway: as nginx speaks to asgard-ctl.
sub register {
    my ($control, $body) = @_;
    my $text = $t->encode($body);
    my @head = (CONTENT_LENGTH => length $text, SCGI => 1,
        REQUEST_METHOD => 'POST', DOCUMENT_URI => '/api/projects',
        CONTENT_TYPE => 'application/json',
        HTTP_AUTHORIZATION => "Bearer $token");
    my $head = join '', map { "$_\0" } @head;
    my $s = IO::Socket::UNIX->new(Peer => $control->socket)
        or die $control->socket . ": $!";
    syswrite $s, length($head) . ":$head,$text";
    local $/;
    return scalar <$s>;
}

my @answers = $t->in_parallel(50, sub {
    my ($i) = @_;
    my $control = $i % 2 ? $second : $t->{control};
    register($control, {%body, data_class => 'nonsense'}) if $i % 5 == 0;
    return register($control, \%body);
});
my %ids;
# On a busy machine Redis hears of some later: they are recorded all the same.
my $said = qr/"(?:project_id|error)":"proj-\d+-(\d+)(?:"| is recorded)/;
$ids{$_}++ for map { /$said/ ? $1 : "none: $_" } @answers;
is(scalar(keys %ids), 50, 'fifty registrations have fifty ids')
    or diag(explain(\%ids));
is(join(' ', sort keys %ids), join(' ', map { sprintf '%04d', $_ } 1 .. 50),
    '... without a gap');
is($t->{postgres}->value('SELECT count(*) FROM projects'), 50,
    '... and no project more');

$t->done;
