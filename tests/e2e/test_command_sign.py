"""m4flash sign, verify and check, against openssl, which knows nothing of us."""

import json
import os
import pty
import stat
import subprocess

import pytest

from harness import sketches
from harness.pushes import adb_push
from harness.signing import NOTE_SIZE, SIGNATURE_SIZE, Key, signed

COMMAND = os.environ["M4FLASH_COMMAND"]
CORPUS = os.environ["M4FLASH_CORPUS"]


def run(*arguments, status=0):
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status, done
    return done.stdout if status != 2 else done.stderr


@pytest.fixture
def folder(tmp_path):
    os.chmod(tmp_path, 0o755)
    return str(tmp_path)


@pytest.fixture
def key(folder):
    return Key(folder, "release")


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture
def sketch(folder):
    return write(os.path.join(folder, "sketch.elf"), sketches.good("to sign", debug=5000).data)


def is_signed_by(key, data):
    return key.fits(data[:-SIGNATURE_SIZE], data[-SIGNATURE_SIZE:])


# ---- sign ---------------------------------------------------------------------------------------


def test_sign(key, sketch):
    os.chmod(sketch, 0o751)
    before = read(sketch)
    told = run("sign", "--key", key.private, sketch)
    after = read(sketch)
    assert is_signed_by(key, after)
    assert after[-NOTE_SIZE:][20:52] == key.der[-32:]
    assert after[52:len(before)] == before[52:]  # all but the header is where it was
    assert key.fingerprint in told and sketches.sha256(after) in told
    assert stat.S_IMODE(os.stat(sketch).st_mode) == 0o751
    assert run("verify", "--key", key.public, sketch).startswith(f"{sketch}: good embedded signature")


def test_sign_to_another_file(folder, key, sketch):
    before, output = read(sketch), os.path.join(folder, "signed.elf")
    run("sign", "-k", key.private, "-o", output, sketch)
    assert read(sketch) == before
    assert is_signed_by(key, read(output))


def test_sign_twice(folder, key, sketch):
    other = Key(folder, "other")
    run("sign", "-k", other.private, sketch)
    size = os.path.getsize(sketch)
    run("sign", "-k", key.private, sketch)
    assert os.path.getsize(sketch) == size
    assert is_signed_by(key, read(sketch))
    run("verify", "-k", other.public, sketch, status=1)


def test_sign_detached(key, sketch):
    before = read(sketch)
    told = json.loads(run("sign", "-k", key.private, "--detached", "--json", sketch))
    assert read(sketch) == before
    assert key.fits(before, read(sketch + ".sig"))
    assert told == {
        "file": sketch, "result": "signed", "message": "", "output": sketch + ".sig",
        "form": "detached", "sha256": sketches.sha256(before), "signature_key": key.fingerprint,
    }
    assert "good detached signature" in run("verify", "-k", key.public, sketch)


def test_sign_every_sketch_there_is(folder, key):
    """Linked by the real linker, with all kinds of headers: none is another sketch afterwards."""
    with open(CORPUS, encoding="utf-8") as file:
        # No linker puts the sections' names into one of code.
        accepted = [record["file"] for record in json.load(file)
                    if record["code"] == "accepted" and "sh-link-0x1" not in record["file"]]
    assert len(accepted) > 10
    output = os.path.join(folder, "signed.elf")
    for path in accepted:
        run("sign", "-k", key.private, "-o", output, path)
        assert is_signed_by(key, read(output)), path
        old, new = (json.loads(line) for line in run("check", "--json", path, output).splitlines())
        assert new["image_sha256"] == old["image_sha256"], path


def test_tools_read_the_note(folder, key, sketch):
    run("sign", "-k", key.private, sketch)
    told = subprocess.run(["readelf", "--notes", "--sections", "--wide", sketch],
                          capture_output=True, text=True, check=True)
    assert ".note.m4flash" in told.stdout and "m4flash" in told.stdout.split("Owner")[1]
    assert told.stderr == ""


def test_sign_what_is_no_sketch(folder, key):
    path = write(os.path.join(folder, "text"), b"no ELF file")
    assert run("sign", "-k", key.private, path, status=1) == (
        f"{path}: not signed: The file is not an ELF file.\n")
    told = json.loads(run("sign", "-k", key.private, "--json", path, status=1))
    assert (told["result"], told["message"]) == ("rejected", "The file is not an ELF file.")
    cut = write(os.path.join(folder, "cut"), sketches.good("cut").data[:-1])
    assert "cut off" in run("sign", "-k", key.private, cut, status=1)
    assert read(path) == b"no ELF file"


def test_sign_with_what_is_no_key(folder, key, sketch):
    before = read(sketch)
    rsa = Key(folder, "rsa", "RSA", ["-pkeyopt", "rsa_keygen_bits:2048"])
    assert "this is a public key" in run("sign", "-k", key.public, sketch, status=2)
    assert "this is not an Ed25519 key" in run("sign", "-k", rsa.private, sketch, status=2)
    assert "this is no private key" in run("sign", "-k", sketch, sketch, status=2)
    assert "No such file" in run("sign", "-k", folder + "/none", sketch, status=2)
    assert "No such file" in run("sign", "-k", key.private, folder + "/none", status=2)
    assert "a private key is missing" in run("sign", sketch, status=2)
    assert "a FILE is missing" in run("sign", "-k", key.private, status=2)
    assert "one FILE at a time" in run("sign", "-k", key.private, sketch, sketch, status=2)
    assert read(sketch) == before


def test_sign_does_not_replace_a_device(folder, key, sketch):
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    assert "no regular file" in run("sign", "-k", key.private, "-o", fifo, sketch, status=2)
    assert stat.S_ISFIFO(os.lstat(fifo).st_mode)


def test_sign_through_a_link(folder, key, sketch):
    link = os.path.join(folder, "link.elf")
    os.symlink("sketch.elf", link)
    run("sign", "-k", key.private, link)
    assert os.path.islink(link)
    assert is_signed_by(key, read(sketch))


def test_key_with_a_passphrase(folder, key, sketch):
    """It is asked for on the terminal."""
    path = os.path.join(folder, "locked.pem")
    subprocess.run(["openssl", "pkey", "-in", key.private, "-aes256", "-passout", "pass:sesame",
                    "-out", path], check=True)
    for phrase, status in (b"wrong word\n", 2), (b"sesame\n", 0):
        child, terminal = pty.fork()
        if child == 0:
            os.execv(COMMAND, [COMMAND, "sign", "-k", path, sketch])
        os.write(terminal, phrase)
        try:
            while os.read(terminal, 4096):
                pass
        except OSError:
            pass  # it has ended
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status
    assert is_signed_by(key, read(sketch))


# ---- verify -------------------------------------------------------------------------------------


def test_verify_what_openssl_signed(folder, key, sketch):
    data = read(sketch)
    write(sketch, signed(sketches.Upload(data), key).data)
    assert "good embedded" in run("verify", "-k", key.public, sketch)
    write(sketch, data)
    write(sketch + ".sig", key.signature(data))
    assert "good detached" in run("verify", "-k", key.public, sketch)


def test_verify_says_why_not(folder, key, sketch):
    other = Key(folder, "other")
    assert "not signed" in run("verify", "-k", key.public, sketch, status=1)
    run("sign", "-k", other.private, sketch)
    assert other.fingerprint in run("verify", "-k", key.public, sketch, status=1)
    data = bytearray(read(sketch))
    data[1000] ^= 1
    write(sketch, bytes(data))
    assert "does not fit" in run("verify", "-k", other.public, sketch, status=1)
    assert "does not fit" in run("verify", "-k", key.public, sketch, status=1)


def test_verify_by_a_folder_of_keys(folder, key, sketch):
    keys = os.path.join(folder, "keys.d")
    os.mkdir(keys, 0o755)
    run("sign", "-k", key.private, sketch)
    assert "no usable key" in run("verify", "--keys-dir", keys, sketch, status=1)
    Key(folder, "another").install(keys)
    run("verify", "--keys-dir", keys, sketch, status=1)
    key.install(keys)
    told = json.loads(run("verify", "--json", "--keys-dir", keys, sketch))
    assert told == {
        "file": sketch, "result": "accepted", "code": "accepted", "message": "", "hint": "",
        "signature": "good", "signature_key": key.fingerprint, "signature_key_file": "release.pem",
    }


def test_verify_several(folder, key, sketch):
    unsigned = write(os.path.join(folder, "unsigned.elf"), read(sketch))
    run("sign", "-k", key.private, sketch)
    other = Key(folder, "other")
    told = run("verify", "-k", other.public, "-k", key.public, "--json", sketch, unsigned, status=1)
    assert [json.loads(line)["code"] for line in told.splitlines()] == ["accepted", "signature"]
    assert "No such file" in run("verify", "-k", key.public, folder + "/none", sketch, status=2)
    assert "a FILE is missing" in run("verify", "-k", key.public, status=2)
    assert "private key" in run("verify", "-k", key.private, sketch, status=2)


# ---- check, and the board -----------------------------------------------------------------------


def test_check_tells_of_the_signature(folder, key, sketch):
    assert "signature" not in run("check", sketch)
    assert json.loads(run("check", "--json", sketch))["signature"] == "none"
    run("sign", "-k", key.private, sketch)
    assert key.fingerprint in run("check", sketch)
    told = json.loads(run("check", "--json", sketch))
    assert (told["signature"], told["signature_key"]) == ("foreign", key.fingerprint)
    data = bytearray(read(sketch))
    data[-1] ^= 1
    write(sketch, bytes(data))
    assert "does not fit the file" in run("check", sketch)
    assert json.loads(run("check", "--json", sketch))["signature"] == "wrong"


def test_signed_here_programmed_there(bench, key, sketch):
    keys = bench.make_folder("keys.d")
    key.install(keys)
    bench.settings["Inbox"] = {"RequireSignature": "yes", "KeysDirectory": keys}
    bench.start()
    original = sketches.good("to sign", debug=5000)
    run("sign", "-k", key.private, sketch)
    bench.push(adb_push, sketches.Upload(read(sketch)))
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(original)
    run("sign", "-k", key.private, "--detached", "-o", bench.path + ".sig", sketch)
    bench.push(adb_push, sketches.good("another"))
    assert bench.wait_outcome()["code"] == "signature"
