#!/usr/bin/perl
# Each person whom a request concerns gets a mail of it, once for each event,
# also when the server refuses it first; without TLS only to this machine.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Asgard::FakeMail;
use Asgard::Files qw(random_hex spill wait_until);
use Asgard::People;
use Asgard::Test;

my $t = Asgard::Test->new;
my $ctl = $t->{control};
my $server = Asgard::FakeMail->new(dir => $t->{dir});
my $password = $t->canary('the password of the mail server', random_hex(12));
my $file = spill("$t->{dir}/mail.password", "$password\n", 0600);

sub configure {
    my (%setting) = @_;
    $ctl->{conf} = join "\n", map { "$_ $setting{$_}" } sort keys %setting;
    $ctl->write_conf;
}

my %on = (mail_url => $server->url, mail_from => 'asgard@example.com',
    mail_user => 'sender', mail_password_file => $file,
    notify_internal => 'on');
configure(%on);
$t->start;
my $people = Asgard::People->new($t);
my %who = map { $_ => $people->person($_, role => /^admin/ ? 'admin'
    : 'member') } qw(owner manager admin);
my $project = $t->project(owner_email => $who{owner}{email},
    manager_email => $who{manager}{email}, budget_usd => 5);
ok(wait_until(sub { $t->{postgres}->value('SELECT count(*) FROM'
    . ' notice_channels') }, 20), 'the channel is on');

sub taken { return grep { $_->{taken} } $server->books }

$server->fail(1);
my $request = $t->api_ok('POST', '/api/requests', {project_id => $project,
    title => 'More', reason => 'reasons-stay-inside'}, $people->as('owner'));
ok(wait_until(sub { taken() >= 2 }, 30), 'a request is told');
is_deeply([sort map { $_->{to} } taken()], ['admin@example.com',
    'manager@example.com'], '... to each who may decide');
is(scalar(grep { !$_->{taken} } $server->books), 1,
    '... and what was refused, again');
my ($mail) = taken();
is($mail->{from}, 'asgard@example.com',
    'it comes from the address that is set');
is($mail->{auth}, "sender $password", '... after signing in');
my ($head, $text) = split /\r\n\r\n/, $mail->{text}, 2;
like($head, qr/^Subject: \[Asgard\] generic of $project: requested\r$/m,
    'the subject tells what it is');
like($head, qr/^To: <\Q$mail->{to}\E>\r$/m, '... the head to whom');
like($head, qr/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r$/m,
    '... and when');
like($text, qr/^Requested by: owner\r$/m, 'the text tells who asked');
my $url = $t->url;
like($text, qr{^\Q$url\E/api/requests/$request->{id}\r$}m, '... where to look');
unlike($text, qr/stay-inside/, '... and no reason');
my %id = map { $_ => 1 } map { $_->{text}
    =~ /^Message-ID: <(\S+)\@example\.com>/m }
    taken();
is(scalar(keys %id), 2, 'each has an id of its own');

$t->api_ok('POST', "/api/requests/$request->{id}/reject", {reason => 'no'},
    $people->as('manager'));
ok(wait_until(sub { taken() >= 3 }, 30), 'a decision is told');
is((taken())[2]{to}, 'owner@example.com', '... to who asked');
like((taken())[2]{text}, qr/^State:        rejected\r$/m, '... as it is');
is(scalar(taken()), 3, 'and nothing twice');

# --- what is refused

for (['mail_url', 'http://example.com'], ['mail_url', 'smtp://10.0.0.1',
    notify_internal => 'off'], ['mail_from', 'nobody'],
    ['mail_from', 'a@b.example>'])
{
    my ($name, $value, %more) = @$_;
    configure(%on, %more, $name => $value);
    like(($ctl->run('check'))[1], qr/^FAIL .*\b$name\b/m, "$name $value");
}
delete $on{mail_user};
configure(%on);
like(($ctl->run('check'))[1], qr/^FAIL .*stand together/m,
    'a password without a name');

$t->done;
