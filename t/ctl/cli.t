#!/usr/bin/env perl
# `asgard`, the command line of those who use Asgard: over HTTP alone, settings
# by option, environment, profile; table, JSON, YAML; its exit status; and no
# credential where others can see it.  After the table of commands was changed,
# `build/release/asgard-ctl/asgard manual > docs/asgard.1`.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IPC::Open3 qw(open3);
use Symbol qw(gensym);

use Asgard::Files qw(build_dir slurp spill random_hex);
use Asgard::OneModel qw(one_model);

my ($t, undef, $project, $key) = one_model(budget_usd => '10');
$key = $key->{key} if ref $key;
my $program = build_dir() . '/asgard-ctl/asgard';
my $url  = 'http://127.0.0.1:' . $t->port;
my $home = "$t->{dir}/home";
mkdir $home;

# Run with an environment of its own; the rest of the arguments are words.
sub asgard {
    my ($env, $input, @words) = @_;
    local %ENV = (PATH => $ENV{PATH}, HOME => $home,
        map { $_ => $ENV{$_} } grep { /SAN_OPTIONS/ } keys %ENV);
    @ENV{keys %$env} = values %$env;
    my $err = gensym;
    my $pid = open3(my $in, my $out, $err, $program, @words);
    print $in $input;
    close $in;
    my ($said, $told) = map { local $/; scalar readline $_ } $out, $err;
    waitpid $pid, 0;
    return {status => $? >> 8, out => $said // '', err => $told // ''};
}
my %admin = (ASGARD_URL => $url, ASGARD_PAT => $t->admin_token);
sub as_admin { return asgard(\%admin, '', @_) }

# --- exit status

is(asgard({}, '', 'help')->{status}, 0, 'help is 0');
is(asgard({}, '', 'whoami')->{status}, 2, 'no URL is a wrong command line');
is(asgard({ASGARD_URL => $url}, '', 'whoami')->{status}, 3,
    'no credential is 3');
is(asgard({%admin, ASGARD_PAT => 'asg_pat_' . '0' x 64}, '', 'whoami')
    ->{status}, 3, 'one that is not valid too');
is(asgard({%admin, ASGARD_URL => 'http://127.0.0.1:1'}, '', 'whoami')
    ->{status}, 1, 'nobody there is 1');
my $none = as_admin('projects', 'show', 'proj-2000-0001');
is($none->{status}, 2, 'a refusal is 2');
like($none->{err}, qr/404 \w+: .*trace /, '... with code, reason and trace');
is($none->{out}, '', '... and nothing among the results');
for my $wrong (['nonsense'], ['keys'], ['keys', 'list', $project, 'more'],
    ['projects', 'show'], ['keys', 'create', $project],
    ['projects', 'list', '--limit'], ['projects', 'list', '--nonsense', 'x'],
    ['projects', 'list', '--output', 'xml'], ['completion', 'tcsh'],
    ['projects', 'update', $project, '--budget-usd', '1x'],
    ['projects', 'budget', $project, '--budget', 'total'],
    ['projects', 'list', '--body', '/dev/null'],
    ['projects', 'show', "$project/keys"], ['projects', 'show', '../users'],
    ['projects', 'show', '..%2fusers'], ['projects', 'show', ''],
    ['resources', 'delete', $project, '../keys/x']) {
    my $end = as_admin(@$wrong);
    is($end->{status}, 2, "`@$wrong` is wrong");
    like($end->{err}, qr/^asgard: /, '... and says so');
}

# --- what it shows

my $list = as_admin('projects', 'list');
is($list->{status}, 0, 'a list is shown') or diag($list->{err});
my ($head, $row) = split /\n/, $list->{out};
like($head, qr/^PROJECT_ID +NAME +OWNER /, '... under its columns');
like($row, qr/^\Q$project\E +test 1 +o\@example\.com /, '... a row each');
is(as_admin('projects', 'list', '--output', 'json')->{out},
    $t->api('GET', '/api/projects')->body, 'JSON is what the server said');
like(asgard({%admin, ASGARD_OUTPUT => 'yaml'}, '', 'projects', 'show',
    $project)->{out}, qr/^project_id: "\Q$project\E"\n.*^budget_usd: 10\n/ms,
    'YAML quotes texts and leaves numbers');
like(asgard({%admin, ASGARD_PROJECT => $project}, '', 'keys', 'list')->{out},
    qr/^ID +NAME .*\n\S+ +key 1 /, 'a project that is set need not be named');
is(asgard({%admin, ASGARD_OUTPUT => 'json'}, '', 'projects', 'list',
    '--output=table')->{out}, $list->{out}, 'an option goes before the '
    . 'environment');
my $small = $t->project(name => 'small', budget_usd => '0.000000001');
my $shown = as_admin('projects', 'show', $small);
like($shown->{out}, qr/^budget_usd +0\.000000001$/m, 'an amount is exact');
like(as_admin('projects', 'list', '--limit', 1)->{err},
    qr/more: --cursor \S+/, 'a page says that there is another');

# --- what it changes

my $made = as_admin(qw(projects create --name), 'by hand', qw(--owner
    a@example.com --manager b@example.com --budget-usd 5 --output json));
is($made->{status}, 0, 'a project is made') or diag($made->{err});
my ($own) = $made->{out} =~ /"project_id":"([^"]+)"/;
is(as_admin('projects', 'budget', $own, '--budget', 'total=7', '--budget',
    '1d=1.5@Europe/Berlin')->{status}, 0, 'its budgets are set');
like($t->api('GET', "/api/projects/$own/budgets")->body,
    qr/"window":"1d","zone":"Europe\/Berlin","limit_usd":1.5,/,
    '... windows, amounts and zones');
my $minted = as_admin('keys', 'create', $own, '--name', 'k', '--model',
    'one', '--rpm-limit', 5, '--output', 'json');
my ($fresh) = $minted->{out} =~ /"key":"(asg_[0-9a-f]{64})"/;
ok($fresh, 'a key is minted') or diag($minted->{err});
$t->canary('a minted key', $fresh);
is(asgard(\%admin, '{"name":"renamed"}', 'projects', 'update', $own,
    '--body', '-')->{status}, 0, 'a body comes from standard input');
like(as_admin('projects', 'show', $own)->{out}, qr/^name +renamed$/m,
    '... and is sent');
my ($id) = $minted->{out} =~ /"id":"([^"]+)"/;
is(as_admin('keys', 'revoke', $own, $id)->{status}, 0, 'a key is revoked');
my $linked = as_admin('resources', 'link', $own, qw(--type data-lake --name lake
    --reference arn:aws:s3:::lake --value port=443 --value host=lake
    --est-monthly-usd 7.5 --output json))->{out};
like($linked, qr/"state":"linked".*"outputs":\{"host": "lake", "port": 443\}/,
    'a resource is linked, with values of two kinds');
like(as_admin('resources', 'list', $own)->{out},
    qr/^\S+ +lake +data-lake +linked +false +7\.5 /m, '... and listed');
like(as_admin('audit', '--entity', $own)->{out},
    qr/^TS +ACTION .*key\.revoke/s, 'the audit log is shown');

# --- chat

my $chat = asgard({ASGARD_URL => $url, ASGARD_KEY => $key}, 'Hello?', 'chat',
    '--model', 'one');
is($chat->{status}, 0, 'a prompt of standard input is answered')
    or diag($chat->{err});
like($chat->{out}, qr/\S.*\n\z/s, '... as text');
unlike($chat->{out}, qr/data:|"delta"/, '... alone');
like(asgard({ASGARD_URL => $url, ASGARD_KEY => $key}, '', 'chat', '--model',
    'one', '--message', 'x', '--output', 'json')->{out},
    qr/^\{.*"usage"/s, 'or as the whole answer');
$chat = asgard({ASGARD_URL => $url, ASGARD_KEY => $key}, '', 'chat', '--model',
    'none', '--message', 'x');
is($chat->{status}, 2, 'an unknown model is refused');
like($chat->{err}, qr/404 model_not_found/, '... by its code');
is(asgard(\%admin, '', 'chat', '--model', 'one', '--message', 'x')->{status},
    3, 'without a key there is no chat');

# --- signing in

my $password = $t->canary('a password', 'correct horse ' . random_hex(8));
$t->api_ok('POST', '/api/users', {username => 'ada', password => $password,
    email => 'ada@example.com', display_name => 'Ada', role => 'member'});
my $in = asgard({ASGARD_URL => $url}, "wrong\n", 'login', '--username', 'ada');
is($in->{status}, 3, 'a wrong password is 3');
$in = asgard({ASGARD_URL => $url}, "$password\n", 'login', '--username', 'ada');
is($in->{status}, 0, 'the right one opens') or diag($in->{err});
my $file = "$home/.config/asgard/profiles";
is((stat $file)[2] & 0777, 0600, '... into a file of one\'s own');
my ($session) = slurp($file) =~ /^token = (asg_ses_[0-9a-f]{64})$/m;
ok($session, '... a session');
$t->canary('a session', $session);
unlike($in->{out} . $in->{err}, qr/asg_ses_|\Q$password\E/, '... and shows it '
    . 'nowhere');
like(asgard({}, '', 'whoami')->{out}, qr/^username +ada$/m,
    'the profile is enough from then on');
is(asgard({ASGARD_URL => "http://localhost:" . $t->port}, '', 'whoami')
    ->{status}, 3, 'its credential goes to no other place');
# --- asking and deciding

my $mine = $t->project(name => 'of ada', owner_email => 'ada@example.com');
my @ask = ('request', 'create', $mine, '--type', 'databricks-sql-warehouse',
    '--spec', 'cluster_size=Small', '--output', 'json', '--name');
my %asked = map { my $reply = asgard({}, '', @ask, $_);
    is($reply->{status}, 0, "$_ is asked for") or diag($reply->{err});
    $_ => $reply->{out} =~ /"request":\{"id":"([^"]+)"/ } qw(good bad);
like(asgard({}, '', 'request', 'list', '--state', 'requested')->{out},
    qr/^\Q$asked{good}\E +provision:databricks-sql-warehouse +requested /m,
    'who asked sees it wait');
is(asgard({}, '', 'approve', $asked{good})->{status}, 2,
    '... and does not approve it');
is(asgard({}, '', 'request', 'watch', $asked{good}, '--timeout-s', 1)
    ->{status}, 1, 'to watch it ends with its time');
is(as_admin('approve', $asked{good}, '--reason', 'as planned')->{status}, 0,
    'another one approves it');
my $seen = asgard({}, '', 'request', 'watch', $asked{good});
is($seen->{status}, 0, '... and who watches it learns so');
like($seen->{out}, qr{state=approved  reason=as planned\n.*=fulfilled\n\z}s,
    '... step by step');
like(as_admin('fulfill', $asked{good}, '--output', 'json')->{out},
    qr/"state": ?"fulfilled"/, '... to say that it is done is the same');
is(as_admin('reject', $asked{bad})->{status}, 2, 'a rejection needs a reason');
is(as_admin('reject', $asked{bad}, '--reason', 'no')->{status}, 0,
    '... and with one it is told');
is(asgard({}, '', 'request', 'watch', $asked{bad})->{status}, 2,
    '... to who watches, too');
like(asgard({}, '', 'resources', 'list', $mine)->{out},
    qr/ good +databricks-sql-warehouse +provisioned +true +200 /,
    'what was approved is there');

# --- other profiles

$in = asgard({}, $t->admin_token . "\n", 'login', '--token', '--url', $url,
    '--profile', 'work');
is($in->{status}, 0, 'a token is kept under another name') or diag($in->{err});
like(asgard({}, '', 'whoami', '--profile', 'work')->{out},
    qr/^kind +operator$/m, '... and used under it');
like(asgard({}, '', 'whoami')->{out}, qr/^username +ada$/m,
    '... the first profile is as it was');
is(asgard({}, "asg_pat_0\n", 'login', '--token', '--url', $url)->{status}, 3,
    'a token that is not valid is not kept');
chmod 0640, $file;
$in = asgard({}, '', 'whoami');
is($in->{status}, 2, 'a file that others may read is not used');
like($in->{err}, qr/chmod 600/, '... and says the cure');
chmod 0600, $file;
is(asgard({}, '', 'logout')->{status}, 0, 'signing out');
unlike(slurp($file), qr/asg_ses_/, '... forgets the session here');
is($t->api('GET', '/api/auth/me', undef, Authorization =>
    "Bearer $session")->status, 401, '... and there');
like(slurp($file), qr/^\[work\]\n.*^token = /ms, '... and nothing else');
$in = asgard({ASGARD_URL => "http://u:p\@127.0.0.1:" . $t->port}, '', 'whoami');
is($in->{status}, 2, 'a URL with a credential is refused');

# --- shells and man

for my $shell (qw(bash zsh fish)) {
    my $text = asgard({}, '', 'completion', $shell);
    is($text->{status}, 0, "completion for $shell");
    like($text->{out}, qr/keys/, '... knows the commands');
}
spill("$t->{dir}/completion", asgard({}, '', 'completion', 'bash')->{out});
my $words = sub { my (@typed) = @_;
    my $n = $#typed;
    return join ' ', sort split /\n/, qx(bash -c '
        source $t->{dir}/completion; COMP_WORDS=(@typed); COMP_CWORD=$n
        _asgard; printf "%s\\n" "\${COMPREPLY[@]}"' 2>&1 | sort -u) };
is($words->('asgard', 'key'), 'keys', 'bash completes a command');
is($words->('asgard', 'keys', 'r'), 'revoke', '... its second word');
is($words->('asgard', 'keys', 'create', '--tp'), '--tpm-limit',
    '... and an option');
my $manual = asgard({}, '', 'manual')->{out};
is(slurp("$FindBin::Bin/../../docs/asgard.1"), $manual,
    'docs/asgard.1 is what `asgard manual` prints');
for my $command (asgard({}, '', 'help')->{out} =~ /^  ([a-z]+(?: [a-z]+)?)/mg) {
    like($manual, qr/^\.SS asgard \Q$command\E/m, "the manual has $command");
}
my ($commands, $general) = split /^\.SH OPTIONS OF EVERY COMMAND/m, $manual;
for my $option ($general =~ /^\.B (\\-\\-\w+)/mg) {
    is(scalar(() = $commands =~ /^\.B \Q$option\E /mg), 0,
        "no command has an option $option of its own");
}

$t->done;
