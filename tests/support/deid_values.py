"""Values that must be found, and contexts around them. Keys are assembled here; none is real."""

from __future__ import annotations

from transforms.deid.rules.check_digits import luhn


def card(prefix: str, length: int) -> str:
    """A card number in an issuer's range, with a correct check digit."""
    body = (prefix + "1234567890123456789")[: length - 1]
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


_BODY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
FOUND: dict[str, list[str]] = {
    "EMAIL_ADDRESS": [
        "maria.lopez@example.com",
        "J.O'x+tag@mail.example.co.uk".replace("O'", ""),
        "A_B-c%d@sub.example.org",
        "UPPER.CASE@EXAMPLE.NET",
        "x@corp.test",
        "müller@example.de",
    ],
    "PHONE_NUMBER": [
        "+44 7700 900123",
        "+1-415-555-0133",
        "+1 (415) 555-0133",
        "+14155550133",
        "+49 30 901820",
        "+33.1.23.45.67.89",
        "+91 98765 43210",
        "(415) 555-0133",
    ],
    "CREDIT_CARD": [
        "4242 4242 4242 4242",
        "4111111111111111",
        "5555-5555-5555-4444",
        card("37", 15),
        card("6011", 16),
        card("4", 13),
    ],
    "IBAN_CODE": ["GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000", "FR1420041010050500013M02606"],
    "US_SSN": ["123-45-6789", "078-05-1120"],
    "IP_ADDRESS": ["203.0.113.77", "198.51.100.4", "10.1.2.3", "2001:db8::8a2e:370:7334"],
    "MAC_ADDRESS": ["00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e"],
    "SECRET": [
        "AKIA" + "ABCDEFGH2345WXYZ",
        "ghp_" + _BODY[:36],
        "github_pat_" + _BODY[:22] + "_" + _BODY,
        "sk-" + "ant-api03-" + _BODY,
        "sk-" + "proj-" + _BODY,
        "sk_" + "live_" + _BODY[:24],
        "xoxb" + "-123456789012-" + _BODY[:24],
        "AIza" + _BODY[:35],
        "glpat" + "-" + _BODY[:20],
        "npm_" + _BODY[:36],
        "hf_" + _BODY[:34],
        "SG." + _BODY[:22] + "." + _BODY[:40] + "xyz",
        "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + _BODY,
    ],
}
#: Contexts; {} is the value.
SURROUNDINGS = [
    "{}",
    "My value is {}.",
    "({}), and so on",
    '"{}"',
    "'{}'",
    "`{}`",
    "<{}>",
    "[{}]",
    "x={};",
    "key: {}\n",
    "a,{},b",
    "a, {}, b",
    "|{}|",
    "**{}**",
    "https://host.example/path?q={}&r=1",
    '{{"value": "{}"}}',
    '{{\\"value\\": \\"{}\\"}}',
    "first line\\n{}\\nnext line",
    "first\n{}\nsecond",
    "\t{}\t",
    "😀 {} 漢字",
    "{}!",
    "{}?",
    "{}…",
    "is it {}, or {}?",
    "2024-05-01T10:00:00Z INFO {} ok",
    "# {}",
    "- {}",
    "{}: seen",
    "see {}\r\n",
]
NOT_FOUND = [
    "git@github.com:owner/repo.git",
    "@pytest.fixture\ndef test():",
    "\\n@pytest.mark.skip",
    "lodash@4.17.21 and @types/node@20.1.0",
    "noreply@example.com",
    "550e8400-e29b-41d4-a716-446655440000",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "2024-01-01T12:34:56.789Z and 12:34:56",
    "version 1.2.3.4, v10.0.19041.1, ==2.31.0.1",
    "127.0.0.1 0.0.0.0 ::1 255.255.255.255",
    "1700000000000 1699999999 20240101",
    "std::vector<int> a::b Foo::Bar",
    "password = os.environ['PASSWORD']",
    "api_key = '<your-api-key>'",
    "token: ${TOKEN}",
    "SECRET_KEY = get_secret()",
    "max_tokens: 4096",
    "/home/user/project /Users/runner/work /home/ubuntu/x",
    "order 4815162342 of 2024",
    "x = a + 12345 - b * 2",
    "port 8080-9090, lines 100-200",
    "border: 1px solid #336699; width: 1024px",
    "integrity sha512-" + "Ab9" * 28 + "==",
]
