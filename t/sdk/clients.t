#!/usr/bin/env perl
# The agents Continue and Cline, run as programs with the settings that
# docs/clients.md shows: an answer, a tool that they run, a refusal.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use Asgard::FakeModel;
use Asgard::Files qw(spill);
use Asgard::Sdk;
use Asgard::Snippets qw(snippet);
use Asgard::Test;

my $clients = Asgard::Sdk::must_have('clients/node_modules');
my $json = JSON::PP->new->utf8;
my $t = Asgard::Test->new(workers => 1, routing =>
    "num_retries: 0\nmodel_alias_map: {default: one}\n");
my $work = "$t->{dir}/work";
mkdir $work;
my $note = spill("$work/note.txt", "The word is heimdall.\n");
my $up = Asgard::FakeModel->of($t, 'main', calls => {
    Read => $json->encode({filepath => $note}),
    read_files => $json->encode({files => [{path => $note}]})});
$t->add_service('main', $up,
    models => [{ref => 'model:test/one', route => 'one'}]);
$t->start;
my $project = $t->project(budget_usd => '50');
my $key = $t->key(project => $project);
my $sdk = bless {test => $t}, 'Asgard::Sdk';

# The program in the folder of the note, in a home of its own.
sub run {
    my ($home, @command) = @_;
    return $sdk->run({HOME => $home, CONTINUE_TELEMETRY_ENABLED => 0,
        CLINE_NO_AUTO_UPDATE => 1},
        'timeout', 300, 'env', '-C', $work, @command);
}

# How each is asked with a model: (exit status, what it said).
my %ask = (
    Continue => sub {
        my ($home, $settings, $prompt) = @_;
        my $file = spill("$home/config.yaml", $settings, 0600);
        my ($status, $out, $err) = run($home, "$clients/.bin/cn", '-p',
            '--config', $file, $prompt);
        return ($status, $out, $err);
    },
    Cline => sub {
        my ($home, $settings, $prompt) = @_;
        mkdir "$home/$_" for qw(data data/settings);
        spill("$home/data/settings/providers.json", $settings, 0600);
        # with a folder of its own it starts no process that stays
        my ($status, $out, $err) = run($home, "$clients/.bin/cline",
            '--data-dir', "$home/data", '--json', $prompt);
        my ($result) = grep { /"type":"run_result"/ } split /\n/, $out;
        return ($status, $result ? $json->decode($result)->{text} : $out,
            $err);
    },
);

sub try_client {
    my ($name) = @_;
    my $home = "$t->{dir}/\L$name";
    mkdir $home;
    my $ask = sub {
        my ($model, $prompt) = @_;
        my $settings = snippet($name, url => $t->url, key => $key->{key});
        $settings =~ s/\bdefault\b/$model/;
        return $ask{$name}->($home, $settings, $prompt);
    };

    my ($status, $said, $err) = $ask->('echo', 'Say heimdall.');
    is($status, 0, 'it chats') or diag("$said\n$err");
    like($said, qr/Say heimdall\./, '... and shows the answer');

    my $before = $up->count;
    ($status, $said, $err) = $ask->('default', 'What is the word?');
    is($status, 0, 'it works with tools') or diag("$said\n$err");
    like($said, qr/The tool said: .*The word is heimdall\./s,
        '... and shows what came of it');
    my @books = $up->books;
    my @calls = map { $json->decode($_->{body}) }
        @books[$before .. $#books];
    is(scalar(@calls), 2, '... in two calls');
    is(scalar(grep { $_->{stream} } @calls), 2, '... both of them streams');
    my $second = $calls[1] // {messages => [{}]};
    is($second->{messages}[-1]{role}, 'tool', '... the second with the result');
    is($second->{user}, $project, '... for the project');

    ($status, $said, $err) = $ask->('nothing', 'Say something.');
    isnt($status, 0, 'a model that is not there is an error');
    like("$said$err", qr/This model does not exist or this key may not use it/,
        '... which it shows in our words');
}

for my $name (sort keys %ask) {
    subtest $name => sub {
        plan skip_all => 'Cline has no program for this machine'
            if $name eq 'Cline' && !-e "$clients/.bin/cline";
        try_client($name);
    };
}
is(scalar(@{[$t->wait_ledger($project, 6, 20)]}), 6,
    "every call that was served is in the ledger once");

$t->done;
