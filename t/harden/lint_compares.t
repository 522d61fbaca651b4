#!/usr/bin/env perl
# scripts/lint finds a secret that is compared by a function whose time tells
# how far it got.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;

use Asgard::Files qw(spill slurp top);

my $tree = tempdir('/tmp/asgard-lint-XXXXXX', CLEANUP => 1);
mkdir "$tree/$_" for qw(scripts asgard-ctl ngx_asgard_module t services);
spill("$tree/scripts/lint", slurp(top() . '/scripts/lint'), 0755);

sub lint_says {
    my ($statement) = @_;
    spill("$tree/asgard-ctl/x.c", "/* A file. */\n\nint f(void)\n{\n"
        . "    return $statement;\n}\n");
    return scalar `$tree/scripts/lint`;
}

for my $statement ('strcmp(password, given)', 'memcmp(a, k->secret, 32)',
    'ngx_memcmp(expected, mac, len)', 'asg_str_eq(bearer, wanted)',
    "memcmp(a,\n        hmac, 32)", 'ngx_strncmp(conf->pepper, p, 8)') {
    like(lint_says($statement), qr{^asgard-ctl/x\.c:5: a secret is compared}m,
        "$statement is found");
}
like(lint_says('CRYPTO_memcmp(a, b, 32)'), qr/use asg_str_eq_secret/,
    'and another use of the compare of libcrypto');
for my $statement ('asg_str_eq_secret(password, given)',
    'strcmp(word, "password")', 'memcmp(name, machine, 3)') {
    like(lint_says($statement), qr/^lint: ok/m, "$statement is none");
}

done_testing();
