"""Unwanted mail by command: letters in files are taught and judged, addresses are banned."""

import os

JUNK = "Cheap watches and replica jewels, shipped to your door tonight."
GOOD = "The drawings for the bridge are on the table in the small room."
# Letters of each kind before words count.
LETTERS = 20


def letter_file(place, name, text):
    """A letter in a file."""
    path = os.path.join(place, f"{name}.eml")
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write(
            f"From: <someone@elsewhere.test>\r\nTo: <you@example.test>\r\nSubject: news\r\n"
            f"Message-ID: <{name}@elsewhere.test>\r\nDate: Fri, 1 May 2026 00:00:00 +0000\r\n\r\n"
            f"{text}\r\nThis line is here so that the letter is no short one at all.\r\n"
        )
    return path


def names(score):
    """The names of the reasons."""
    return [reason["name"] for reason in score["reasons"]]


def test_letters_in_files_teach_an_account_what_it_wants(server, place):
    learner, other = server.account(), server.account()
    junk = [letter_file(place, f"junk{number}", JUNK) for number in range(LETTERS)]
    good = [letter_file(place, f"good{number}", GOOD) for number in range(LETTERS)]
    asked = letter_file(place, "asked", JUNK)
    assert "WORDS_OWN" not in names(server.command_json("spam", "score", learner.address, asked))
    server.command("spam", "learn", "--junk", learner.address, *junk)
    known = server.command_json("spam", "learn", "--good", learner.address, *good)
    assert (known["junk"], known["good"]) == (LETTERS, LETTERS), known
    score = server.command_json("spam", "score", learner.address, asked)
    assert "WORDS_OWN" in names(score), score
    assert "WORDS_OWN" not in names(server.command_json("spam", "score", other.address, asked))
    told = server.command("spam", "score", learner.address, asked).stdout
    assert "points of 5.0" in told and "the owner of the mailbox does not want" in told, told


def test_a_letter_is_judged_for_nobody_in_particular(server, place):
    asked = letter_file(place, "fraud", "Ten million dollars for the next of kin.")
    told = server.command("spam", "score", asked).stdout
    assert "several phrases of known frauds (FRAUD_PHRASES)" in told, told
    missing = server.command("spam", "score", os.path.join(place, "none.eml"), check=False)
    assert missing.returncode != 0 and "none.eml" in missing.stderr, missing.stderr


def test_addresses_are_banned_listed_and_forgiven(server):
    server.command("ban", "add", "192.0.2.77", "--minutes", "5")
    server.command("ban", "add", "2001:db8::7")
    listed = {ban["address"]: ban["why"] for ban in server.command_json("ban", "list")}
    assert listed == {"192.0.2.77": "an administrator", "2001:db8::/64": "an administrator"}, listed
    server.command("ban", "remove", "192.0.2.77")
    server.command("ban", "remove", "2001:db8::99")
    assert server.command("ban", "list").stdout == ""
    for words in (("remove", "192.0.2.77"), ("add", "127.0.0.1")):
        assert server.command("ban", *words, check=False).returncode != 0, words


def test_bans_outlive_a_kill_and_are_changed_while_no_server_runs(world, place):
    server = world.new_server(place).prepare()
    server.start()
    try:
        server.command("ban", "add", "192.0.2.77")
        server.command("ban", "add", "192.0.2.78")
        server.kill()
        server.command("ban", "remove", "192.0.2.78")
        server.command("ban", "add", "192.0.2.79")
        server.start()
        listed = {ban["address"] for ban in server.command_json("ban", "list")}
        assert listed == {"192.0.2.77", "192.0.2.79"}, listed
    finally:
        server.stop()
