"""Files of a host: compared, and written whole or not at all. Shared by tenantry's modules."""

import grp
import hashlib
import os
import pwd
import stat
import subprocess
import tempfile

NOT_FOUND = 127
"""What a shell exits with where a program isn't there: its package may be among those that a run is to install."""
FRESH = "TENANTRY_FRESH"


def command(*words, stdin=None):
    """Run a command in a plain locale; give its code and what it printed."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            words,
            input=stdin,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return NOT_FOUND, f"{words[0]}: not found"
    return done.returncode, done.stdout


def reason(key, value, what, fix):
    """Make one reason to refuse the host."""
    return {"key": key, "value": str(value), "what": what, "fix": fix}


def read(path):
    """Give a file's text, or None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            return source.read()
    except FileNotFoundError:
        return None


def file_digest(path):
    """Give a file's SHA-256; nothing where there is no file."""
    try:
        with open(path, "rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def owner_of(path):
    """Give a file's mode in octal, owner and group."""
    seen = os.stat(path)
    return f"{stat.S_IMODE(seen.st_mode):04o}", pwd.getpwuid(seen.st_uid).pw_name, grp.getgrgid(seen.st_gid).gr_name


def difference(wanted):
    """Say how a file isn't as wanted ({path, content, mode}; no content: no file); nothing where it is."""
    path, mode = wanted["path"], wanted.get("mode") or "0644"
    now = read(path)
    if wanted["content"] is None:
        return "" if now is None else f"file {path} isn't to be there"
    # What its package brought a moment ago was missing as the run began; check mode, without packages, says so, too.
    if now is None or (now != wanted["content"] and path in os.environ.get(FRESH, "").split(":")):
        return f"file {path} is missing"
    if now != wanted["content"]:
        return f"file {path} differs"
    if owner_of(path) != (mode, "root", "root"):
        return f"file {path} has other rights than {mode} root:root"
    return ""


def write(wanted):
    """Put a file in place in one step, after its bytes are on the disk; or remove it."""
    if wanted["content"] is None:
        os.unlink(wanted["path"])
    else:
        put(wanted["path"], wanted["content"], int(wanted.get("mode") or "0644", 8))


def keyword_values(text, name):
    """Give the values that a keyword has in a file of keywords, such as login.defs; of several, the last counts."""
    words = (line.split() for line in text.splitlines())
    return [one[1] for one in words if len(one) > 1 and one[0] == name]


def with_keyword(text, name, value):
    """Give such a file's text with a value for a keyword, in its place; all else stays as it is."""
    lines, said = text.splitlines(), f"{name}\t{value}"
    places = [number for number, line in enumerate(lines) if line.split()[:1] == [name]]
    if not places:
        return "\n".join([*lines, said]) + "\n"
    lines[places[0]] = said
    return "\n".join(line for number, line in enumerate(lines) if number not in places[1:]) + "\n"


def put_keyword(path, name, value):
    """Give a keyword of a file a value."""
    put(path, with_keyword(read(path) or "", name, value), int(owner_of(path)[0], 8))


def put_line(path, column, line):
    """Put a line into a table such as fstab, in the place of the one with the same word in that column."""
    word = line.split()[column]
    lines = (read(path) or "").splitlines()
    kept = [one for one in lines if one.startswith("#") or one.split()[column : column + 1] != [word]]
    put(path, "\n".join([*kept, line]) + "\n")


def put(path, content, mode=0o644):
    """Replace a file's text in one step."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".tenantry-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, mode)
        os.chown(name, 0, 0)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
