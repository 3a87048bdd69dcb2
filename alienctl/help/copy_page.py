"""The page of `cp`."""

USAGE = "cp [OPTIONS] SOURCE... TARGET | -dst DIRECTORY SOURCE... | -input FILE"
SUMMARY = "copy files and directories between this machine and the grid, or within the grid"
TEXT = """\
A local name begins with file:, every other name is an LFN. SOURCE/ stands for what is in it. A TARGET that ends in /
is a directory; several sources need one. * in a SOURCE is a pattern for everything below the directory before it.
Within the grid the TARGET begins with alien: (or /alice/); the storage elements copy among themselves, or through
this machine where they cannot.
A target with the size and md5 of its source is kept, one that differs is refused, unless:

  -f, --overwrite changed   replace it, once its successor has arrived whole
  --overwrite always        replace it even if it is the same

Names
  -dst DIRECTORY   where all sources go, without what their names have in common
  -input FILE      lines of SOURCE TARGET (quotes allowed; # begins a comment); with -dst also SOURCE alone
  -parent N        keep N directories above the source in front of its name
  -rmprefix N      keep the source's whole name without its first N parts
  -                as SOURCE: standard input; as TARGET: standard output

Storage: behind an LFN's @, as in @disk:2,ALICE::CERN::EOS,!ALICE::X::SE (uploads without: disk:2; disk:4 for small .sh
.C .jdl .xml), or apart:
  --to WISH        the same for all names, which may then contain anything
  -strictspec      read only from the storage that is named
  --touch-empty    make an entry without content for an empty local file (without: refuse)

Which files of a directory (at most one of the first three; the others may be combined, on both sides)
  -glob PATTERN    * is any text; without a * it may stand anywhere in the name
  -select REGEX    looked for anywhere below the directory
  -name WORDS      begin_X, contain_X, ends_X, ext_X joined by _
  -exclude TEXT, -exclude_re REGEX, -e PATTERN    leave out; may be repeated
  -minsize N, -maxsize N            as in 1500, 10k, 2GiB
  -mindepth N, -maxdepth N          directories between; 0: directly inside
  -min-ctime T, -max-ctime T        seconds or milliseconds since 1970, 2024-05-31, or an age: 12h, 3d
  -user NAME, -group NAME, -jobid N (or -j N), -site SITE
  -l N, -o N       at most N files of each source; leave out the first N

How
  --sync           as the command sync does: only what is missing or differs (with -T, -e, --priority, ...)
  --dry-run        tell what would be copied, kept or refused; change nothing
  --detach         print the job's number and return; the daemon does the rest
  --priority N     higher goes first; 0 is normal
  --limit RATE     as in 20M: bytes a second of all its files together
  -T N             at most N files at a time
  -S N, -chunks N, -chunksz SIZE    connections to a server, requests on their way for a file, bytes in each
  -timeout S       the longest that one file may take
  -retry N         how often a file is tried again; -norecovery: never, nor on other storage
  -ratethreshold N give a replica up that is slower (bytes a second)
  -http            read over HTTP
  -noxrdzip        fetch whole archives for their members
  --verify         read once more what was written, and compare

What is told
  --progress none | line | bars    without: bars on a terminal, lines elsewhere
  --json           one document: jobs and every file with source, target, state, reason, bytes, seconds
  --compat-exit    exit 0 if a file arrived or there was nothing to do, else 1

Exit code: 0 all arrived, 2 no such file, 3 some arrived, 4 none, 22 the words make no sense, 130 interrupted.
Options of other clients without meaning here (-cksum, -y N, -v, ...) are accepted with a note.

    alienctl cp file:result.root ./@disk:2
    alienctl cp '/alice/data/run/*.root' file:data/
    alienctl cp -f -minsize 1k -exclude tmp file:out/ results/
    alienctl cp --detach --limit 20M /alice/data/run/ file:data/
    tar c dir | alienctl cp - backup/dir.tar"""
