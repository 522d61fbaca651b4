# What the routes of a LiteLLM proxy do to its database, and what they answer:
# no process and no socket.
#
# Every answer is (status, structure), or a reference to plain text.  Errors
# have the three shapes that the proxy has: an envelope with `type` and a code
# that is a text, its framework's `detail`, plain text.
package Asgard::FakeLiteLLMBooks;

use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use JSON::PP ();

my ($true, $false) = (JSON::PP::true, JSON::PP::false);

sub empty {
    return {master => undef, db => 'connected', version => '1.97.0',
        models => ['chat-large', 'chat-small'], budget_status => 429,
        lag => 0, unchecked => 0, keys => {}, waits => {}, plan => [], n => 0};
}

sub settle {
    my ($s) = @_;
    for my $hash (keys %{$s->{waits}}) {
        $s->{keys}{$hash}{spend} += $s->{waits}{$hash} if $s->{keys}{$hash};
    }
    $s->{waits} = {};
    return;
}

# --- errors

sub refused {
    my ($status, $type, $message, $param) = @_;
    return ($status, {error => {message => $message, type => $type,
        param => $param // 'None', code => "$status"}});
}

sub printed { "{'error': '$_[0]'}" }

my $no_db = 'DB not connected. See https://docs.example/virtual_keys';

# Three statuses and three shapes for one condition.
my %without_db = (
    '/key/generate' => [500, 'internal_server_error', printed($no_db)],
    '/user/new' => [500, 'internal_server_error', printed($no_db)],
    '/key/info' => [500, 'internal_server_error',
        'Internal Server Error, Database not connected'],
    '/v2/key/info' => [500, 'internal_server_error',
        'Internal Server Error, Database not connected'],
    '/key/update' => [500, 'internal_server_error', 'Not connected to DB!'],
    '/key/delete' => [500, 'internal_server_error', 'Not connected to DB!'],
    '/key/block' => [500],
    '/key/unblock' => [500],
    '/key/list' => [500, 'internal_server_error',
        'Authentication Error, Database not connected'],
    '/model/new' => [500, 'auth_error', printed('No DB Connected')],
    '/model/update' => [500, 'auth_error', printed('No DB Connected')],
    '/model/delete' => [500, 'auth_error', printed('No DB Connected')],
    '/team/new' => [500, 'internal_server_error', printed('No db connected')],
    '/spend/logs' => [500, 'internal_error', 'no database'],
    '/spend/logs/v2' => [401, 'internal_error', 'Prisma client is not '
        . 'initialised'],
    '/global/spend' => [500, 'internal_server_error',
        printed('No db connected')],
    (map { ("/spend/$_" => [400]) } qw(keys users tags)));

sub no_database {
    my ($path) = @_;
    my ($status, $type, $message) = @{$without_db{$path}};
    return refused($status, $type, $message) if $type;
    return $status == 500 ? (500, \'Internal Server Error')
        : ($status, {detail => {error => 'no database'}});
}

# --- who asks

my %open = map { $_ => 1 } '/health/readiness', '/health/liveliness',
    '/health/liveness';

# undef: go on; else the refusal.
sub unwelcome {
    my ($s, $r) = @_;
    my $key = $r->{key};
    return [refused(401, 'auth_error', 'No api key passed in.')]
        if !defined $key;
    $r->{by} = 'master';
    return if sha256_hex($key) eq $s->{master};
    $r->{by} = 'somebody';
    return [refused(401, 'auth_error', 'a key begins with sk-')]
        if $key !~ /^sk-/;
    return $s->{unchecked} ? undef : [refused(400, 'no_db_connection',
        'No connected db.')] if $s->{db} eq 'Not connected';
    return $s->{unchecked} ? undef : [refused(503, 'no_db_connection', 'away')]
        if $s->{db} eq 'failing';
    my $row = $r->{row} = $s->{keys}{sha256_hex($key)};
    $r->{by} = 'key' if $row;
    return [refused(401, 'token_not_found_in_db', 'unknown key', 'key')]
        if !$row;
    return [refused(401, 'auth_error', 'Key is blocked.')] if $row->{blocked};
    return if $r->{path} =~ m{/(?:models|completions|info)$};
    return [refused(403, 'auth_error', 'only an admin may do this')];
}

# --- the routes

my %routes = (
    '/key/generate' => \&key_generate, '/key/info' => \&key_info,
    '/v2/key/info' => \&keys_info, '/key/update' => \&key_update,
    '/key/delete' => \&key_delete, '/key/list' => \&key_list,
    '/key/block' => sub { key_block(@_, $true) },
    '/key/unblock' => sub { key_block(@_, $false) },
    '/models' => \&models, '/v1/models' => \&models,
    '/chat/completions' => \&chat, '/v1/chat/completions' => \&chat,
    '/health/readiness' => \&readiness,
    (map { ($_ => sub { (200, "I'm alive!") }) } '/health/liveliness',
        '/health/liveness'));

sub answer {
    my ($s, $r) = @_;
    my $path = $r->{path};
    my $no = $open{$path} ? undef : unwelcome($s, $r);
    return @$no if $no;
    return refused(500, 'internal_server_error', 'a licence is needed')
        if $path eq '/key/regenerate';
    return no_database($path) if $s->{db} eq 'Not connected'
        && $without_db{$path};
    return (500, \'Internal Server Error') if $s->{db} eq 'failing'
        && $path =~ m{/key/};
    my $do = $routes{$path} or return (404, {detail => 'Not Found'});
    return $do->($s, $r);
}

sub readiness {
    my ($s) = @_;
    return (503, {detail => 'Service Unhealthy (db)'}) if $s->{db} eq 'failing'
        && !$s->{unchecked};
    return (200, {status => 'healthy', cache => undef, success_callbacks => [],
        db => $s->{db} eq 'failing' ? 'connected' : $s->{db},
        litellm_version => $s->{version}, use_aiohttp_transport => $true});
}

sub now_text { '2026-11-20T10:00:00Z' }

sub hash_of { my ($key) = @_; $key =~ /^sk-/ ? sha256_hex($key) : $key }

# What a client sent that is of another type: as its framework says it.
sub invalid {
    my ($body) = @_;
    return ['body', 'no object'] if ref $body ne 'HASH';
    my %number = map { $_ => 1 } qw(max_budget soft_budget spend rpm_limit
        tpm_limit max_parallel_requests);
    for my $name (sort keys %$body) {
        my $value = $body->{$name} // next;
        return [$name, 'a number'] if $number{$name}
            && $value !~ /^-?[0-9.]+(?:[eE][-+]?[0-9]+)?$/;
        return [$name, 'a list'] if $name =~ /^(?:models|keys|key_aliases)$/
            && ref $value ne 'ARRAY';
        return [$name, 'an object'] if $name eq 'metadata'
            && ref $value ne 'HASH';
    }
    return;
}

sub unprocessable {
    my ($name, $wants) = @{$_[0]};
    return (422, {detail => [{loc => ['body', $name],
        msg => "expects $wants", type => 'type_error'}]});
}

# A row as the database has it; the key itself is not among it.
sub insert {
    my ($s, $from) = @_;
    my $row = {%$from};
    my $key = delete $row->{key} // 'sk-' . ++$s->{n} . 'Q9xA';
    my %rest = (token => hash_of($key), key_name => 'sk-...'
        . substr($key, -4), spend => 0, blocked => undef, models => [],
        metadata => {}, user_id => 'default_user_id', expires => undef,
        created_at => now_text(), updated_at => now_text());
    %$row = (%rest, %$row);
    $row->{budget_reset_at} = '2026-12-01T00:00:00Z' if $row->{budget_duration};
    return $s->{keys}{$row->{token}} = $row;
}

sub key_generate {
    my ($s, $r) = @_;
    my $body = $r->{body} // {};
    my $bad = invalid($body);
    return unprocessable($bad) if $bad;
    my $key = $body->{key} // 'sk-' . sha256_hex(rand . $$ . ++$s->{n});
    return refused(400, 'bad_request_error', 'a key begins with sk-', 'key')
        if $key !~ /^sk-/;
    my $alias = $body->{key_alias};
    return refused(400, 'bad_request_error', "Key with alias '$alias' already "
        . 'exists.', 'key_alias') if defined $alias
        && grep { ($_->{key_alias} // '') eq $alias } values %{$s->{keys}};
    return refused(400, 'bad_request_error', 'Unique constraint failed', 'key')
        if $s->{keys}{hash_of($key)};
    my $row = insert($s, {%$body, key => $key});
    return (200, {%$row, key => $key, token_id => $row->{token}});
}

sub shown {
    my ($row) = @_;
    my %info = %$row;
    delete $info{token};
    return \%info;
}

sub unknown_key { refused(404, 'not_found_error', 'Key not found', 'key') }

# `key` alone counts: with anything else the caller's own is told of.
sub key_info {
    my ($s, $r) = @_;
    my $key = $r->{query}{key} // $r->{key};
    return (200, {key => hash_of($key), info => {key_alias => undef,
        spend => 0, user_id => 'default_user_id'}})
        if hash_of($key) eq $s->{master};
    my $row = $s->{keys}{hash_of($key)} or return unknown_key();
    return refused(403, 'auth_error', 'not your key', 'key')
        if $r->{row} && $r->{row} != $row;
    return (200, {key => $key, info => shown($row)});
}

sub keys_info {
    my ($s, $r) = @_;
    my $bad = invalid($r->{body});
    return unprocessable($bad) if $bad;
    my @hashes = map { hash_of($_) } @{$r->{body}{keys} // []};
    my @rows = grep { $_ } map { $s->{keys}{$_} } @hashes;
    return unknown_key() if !@rows;
    return (200, {key => $r->{body}{keys}, info => [map {
        {%{shown($_)}, token => $_->{token}} } @rows]});
}

sub key_update {
    my ($s, $r) = @_;
    my $bad = invalid($r->{body});
    return unprocessable($bad) if $bad;
    my %change = %{$r->{body}};
    my $key = delete $change{key}
        // return unprocessable(['key', 'a value']);
    my $row = $s->{keys}{hash_of($key)}
        or return refused(404, 'not_found_error', 'Team not found', 'key');
    delete @change{grep { !defined $change{$_} }
        qw(budget_duration duration)};
    @$row{keys %change} = values %change;
    return (200, {%{shown($row)}, key => $key});
}

sub key_delete {
    my ($s, $r) = @_;
    my $body = $r->{body};
    my $bad = invalid($body);
    return unprocessable($bad) if $bad;
    return unprocessable(['keys', 'keys or key_aliases'])
        if !$body->{keys} && !$body->{key_aliases};
    my %alias = map { $_ => 1 } @{$body->{key_aliases} // []};
    my %hash = map { hash_of($_) => 1 } @{$body->{keys} // []};
    my @gone = grep { $hash{$_} || $alias{$s->{keys}{$_}{key_alias} // ''} }
        keys %{$s->{keys}};
    return refused(404, 'not_found_error', printed('No keys found'))
        if !@gone;
    delete @{$s->{keys}}{@gone};
    return (200, {deleted_keys => [@{$body->{keys} // []},
        @{$body->{key_aliases} // []}]});
}

sub key_block {
    my ($s, $r, $to) = @_;
    my $key = ref $r->{body} eq 'HASH' ? $r->{body}{key} : undef;
    return refused(400, 'bad_request_error', 'Invalid key format', 'key')
        if ($key // '') !~ /^(?:sk-.|[0-9a-f]{64}\z)/;
    my $row = $s->{keys}{hash_of($key)} or return (200, undef);
    $row->{blocked} = $to;
    return (200, $row);
}

sub key_list {
    my ($s, $r) = @_;
    my ($query, $all) = ($r->{query}, $s->{keys});
    my $size = $query->{size} // 10;
    my $page = $query->{page} // 1;
    return (422, {detail => [{loc => ['query', 'size'], type => 'less_equal',
        msg => 'at most 100'}]}) if $size > 100 || $size < 1 || $page < 1;
    my @hashes = sort grep {
        (!defined $query->{key_hash} || $_ eq $query->{key_hash})
            && (!defined $query->{key_alias}
                || ($all->{$_}{key_alias} // '') eq $query->{key_alias})
    } keys %$all;
    my ($total, $from) = (scalar @hashes, ($page - 1) * $size);
    my @part = $from < $total ? splice @hashes, $from, $size : ();
    my $full = ($query->{return_full_object} // '') =~ /^true$/i;
    return (200, {keys => [$full ? map { $all->{$_} } @part : @part],
        total_count => $total, current_page => $page + 0,
        total_pages => int(($total + $size - 1) / $size)});
}

# --- its data path

sub allowed { my ($row, $model) = @_;
    return !$row || !@{$row->{models}} || grep { $_ eq $model }
        @{$row->{models}};
}

sub models {
    my ($s, $r) = @_;
    return (200, {object => 'list', data => [map { {id => $_,
        object => 'model', created => 1677610602, owned_by => 'openai'} }
        grep { allowed($r->{row}, $_) } @{$s->{models}}]});
}

# A call costs a quarter of a dollar.
sub chat {
    my ($s, $r) = @_;
    my ($row, $model) = ($r->{row}, $r->{body}{model} // '');
    return refused(401, 'key_model_access_denied', 'not for this key', 'model')
        if !allowed($row, $model);
    return (400, {error => {message => printed("no $model"), type => 'None',
        param => undef, code => '400'}})
        if !grep { $_ eq $model } @{$s->{models}};
    return refused($s->{budget_status}, 'budget_exceeded', 'Budget has been '
        . 'exceeded!') if $row && defined $row->{max_budget}
        && $row->{spend} >= $row->{max_budget};
    $s->{waits}{$row->{token}} += 0.25 if $row;
    settle($s) if !$s->{lag};
    return (200, {id => 'chatcmpl-' . ++$s->{n}, object => 'chat.completion',
        model => $model, created => 1677610602, choices => [{index => 0,
            finish_reason => 'stop', message => {role => 'assistant',
                content => 'Hello from LiteLLM.'}}],
        usage => {prompt_tokens => 10, completion_tokens => 20,
            total_tokens => 30}});
}

1;
