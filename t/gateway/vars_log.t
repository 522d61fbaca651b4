# The operator's own log format can say what a call was, whose, and what it
# cost; what is not known is a dash.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Asgard::Files qw(slurp wait_until);
use Asgard::Stage;

my @names = qw(trace_id verdict project key_prefix model endpoint cost
    prompt_tokens completion_tokens hold);
my $s = Asgard::Stage->new(workers => 1);
my $log = "$s->{dir}/log/mine.log";
$s->{gateway}->write_conf(http_conf => "log_format mine '"
    . join(' ', map { "$_=\$asgard_$_" } @names) . "';",
    location_conf => "access_log $log mine;");
$s->model(route => 'echo', aliases => ['gpt-x']);
my $project = $s->project;
my $key = $s->key($project);
$s->start;

# What the log says of one trace id.
sub said {
    my ($trace) = @_;
    my ($line) = grep { /^trace_id=\Q$trace\E / } split /\n/, slurp($log);
    return $line ? {map { split /=/, $_, 2 } split / /, $line} : undef;
}
sub line_of {
    my ($reply) = @_;
    return wait_until(sub { said($reply->trace) }, 5) // {};
}

my $reply = $s->chat($key, {model => 'gpt-x'});
my $line = line_of($reply);
is($line->{verdict}, 'ok', 'a call that was answered is ok');
is($line->{project}, $project, '  … of its project');
is($line->{key_prefix}, $key->{prefix}, '  … by the prefix of its key');
is($line->{model}, 'gpt-x', '  … for the name that was asked for');
is($line->{endpoint}, 'e0', '  … from the endpoint that served');
is($line->{cost}, $reply->header('x-asgard-cost-usd'),
    '  … at the cost that the client was told');
is($line->{prompt_tokens}, $reply->at('usage', 'prompt_tokens'),
    '  … for its prompt');
is($line->{completion_tokens}, $reply->at('usage', 'completion_tokens'),
    '  … and its answer');
like($line->{hold}, qr/^h[0-9a-f]{24}$/, '  … under its hold');

$line = line_of($s->chat($key, {model => 'gpt-x', stream => \1}));
like($line->{cost}, qr/^0\.\d+$/, 'a stream has its cost in the log');

$line = line_of($s->chat($key, {model => 'none'}));
is($line->{verdict}, 'model_not_found', 'a refusal says its code');
is_deeply([@$line{qw(model endpoint cost hold)}], [('-') x 4],
    '  … and nothing of a call that was not made');
$line = line_of($s->chat(undef));
is_deeply([@$line{qw(verdict project key_prefix)}],
    ['missing_api_key', '-', '-'], 'a stranger has no project');
$line = line_of($s->chat($key, {model => 'echo:status=500'}));
is($line->{verdict}, 'upstream_error', 'a failed provider is named so');

$s->done;
