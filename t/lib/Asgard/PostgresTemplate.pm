# The cluster that private PostgreSQL servers are copies of, so that a test pays
# a copy of files, not an initdb and every migration.
#
#     my $dir = Asgard::PostgresTemplate::folder($empty);
#
# It stands in the build folder, made once, under a lock; the migrations and the
# month (they make those to come) are in its name.  It holds the roles and the
# database `asgard`, with its tables unless it is to be empty.
package Asgard::PostgresTemplate;

use strict;
use warnings;
use Carp qw(croak);
use Digest::SHA ();
use Fcntl qw(:flock);
use File::Path qw(make_path);
use POSIX ();

use Asgard::Control;
use Asgard::Files qw(spill slurp top build_dir random_hex work_dir);

my $kept = '/pg-template-';

sub folder {
    my ($empty) = @_;
    my $name = $empty ? 'empty' : schema_name();
    make_path(build_dir());
    my $dir = build_dir() . "$kept$name";
    open my $lock, '>>', build_dir() . "${kept}lock" or croak "lock: $!";
    flock $lock, LOCK_EX;
    return $dir if -f "$dir/PG_VERSION";

    my $work = work_dir('pg');
    my $new = make($work, $empty);
    system('rm', '-rf', "$dir.new", grep { !/-(?:empty|lock)\z/ }
        glob build_dir() . "$kept*") if !$empty;
    system('cp', '-a', $new, "$dir.new") == 0 or croak 'cp template';
    rename "$dir.new", $dir or croak "$dir: $!";
    system('rm', '-rf', $work);
    return $dir;
}

sub schema_name {
    my $digest = Digest::SHA->new(256);
    $digest->add($_, "\0", slurp($_), "\0")
        for sort glob top() . '/asgard-ctl/store/migrations/*.sql';
    return POSIX::strftime('%Y-%m-', gmtime)
        . substr $digest->hexdigest, 0, 12;
}

sub make {
    my ($work, $empty) = @_;
    my $server = Asgard::PostgresServer->begin("$work/pg");
    fill($server);
    migrate($server, $work) if !$empty;
    $server->stop;
    return "$work/pg";
}

# No database but the one, and what a new one would be made from: each is 300
# files to be copied.
sub fill {
    my ($server) = @_;
    $server->super(<<'SQL', 'postgres');
CREATE ROLE asgard_owner LOGIN;
CREATE ROLE asgard LOGIN;
CREATE DATABASE asgard OWNER asgard_owner;
SQL
    $server->super(<<'SQL');
UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';
DROP DATABASE template0;
DROP DATABASE postgres;
SQL
    $server->set_passwords;
    return;
}

sub migrate {
    my ($server, $work) = @_;
    my $file = spill("$work/seal.key", 'seal s1 ' . random_hex(32)
        . "\npepper p1 " . random_hex(32) . "\n", 0600);
    Asgard::Control->new(dir => $work, key_file => $file, postgres => $server,
        redis => Asgard::PostgresTemplate::NoRedis->new)->run_ok('migrate');
    return;
}

# Nobody is asked there.
package Asgard::PostgresTemplate::NoRedis;

sub new { return bless {}, $_[0] }
sub url { return 'unix:/nonexistent' }

1;
