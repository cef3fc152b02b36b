"""Keys and tokens by the shape that their providers document, private keys and JSON Web Tokens."""

from __future__ import annotations

import re

from transforms.deid.rules import Rule, Verdict, whole

#: Documented token shapes: provider, prefix (for the trigger), expression.
_PROVIDERS = (
    ("AWS access key id", r"A(?:KIA|SIA|BIA|CCA)", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    ("GitHub", r"gh[pousr]_|github_pat_", r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{22,255}"),
    (
        "GitLab",
        r"gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent)-",
        r"gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent)-[\w.-]{15,}[\w-]",
    ),
    ("Anthropic, OpenAI and who followed", r"sk-", r"sk-(?:[A-Za-z0-9]+-){0,3}[A-Za-z0-9_-]{16,}"),
    (
        "Stripe",
        r"(?:sk|pk|rk)_(?:live|test)_|whsec_",
        r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}",
    ),
    (
        "Slack",
        r"xox[abeoprs]-|xapp-",
        r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{20,}",
    ),
    (
        "Slack hooks",
        r"hooks\.slack",
        r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{16,}",
    ),
    (
        "Discord hooks",
        r"/api/webhooks/",
        r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}",
    ),
    ("Google", r"AIza|ya29\.|GOCSPX-", r"AIza[\w-]{30,}|ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}"),
    ("Firebase messaging", r"AAAA[\w-]{7}:", r"AAAA[\w-]{7}:[\w-]{120,180}"),
    ("SendGrid", r"SG\.", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    (
        "npm, PyPI, RubyGems",
        r"npm_|pypi-|rubygems_",
        r"npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}|rubygems_[a-f0-9]{40,}",
    ),
    (
        "Hugging Face, Replicate, Groq, xAI, Perplexity, Tavily, LangSmith",
        r"hf_|r8_|gsk_|xai-|pplx-|tvly-|lsv2_",
        r"hf_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{40,}|pplx-[A-Za-z0-9]{30,}|"
        r"tvly-[\w-]{20,}|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}",
    ),
    (
        "DigitalOcean, Shopify, Docker, Square",
        r"do[opr]_v1_|shp(?:at|ca|pa|ss)_|dckr_|sq0",
        r"do[opr]_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|dckr_(?:pat|oat)_[\w-]{20,}|"
        r"sq0(?:atp|csp|idp)-[\w-]{20,}",
    ),
    (
        "HashiCorp Vault, Terraform Cloud, Pulumi, Doppler",
        r"hv[sb]\.|\.atlasv1\.|pul-|dp\.(?:pt|st|ct|sa|scim)\.",
        r"hv[sb]\.[\w-]{24,}|\w{14}\.atlasv1\.[\w-]{60,}|pul-[a-f0-9]{40}|dp\.(?:pt|st|ct|sa|scim)\.[\w.-]{30,}",
    ),
    (
        "Linear, Notion, Figma, Airtable, Atlassian",
        r"lin_api_|ntn_|secret_[A-Za-z0-9]{20}|figd_|pat[A-Za-z0-9]{14}\.|ATATT3|ATCTT3",
        r"lin_api_[A-Za-z0-9]{30,}|ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}|figd_[\w-]{30,}|"
        r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}|AT[AC]TT3[\w=-]{60,}",
    ),
    (
        "Sentry, Grafana, New Relic, Netlify, Tailscale, Supabase",
        r"sntry[su]_|glsa_|glc_|NRAK-|nfp_|tskey-|sbp_|sb_secret_",
        r"sntry[su]_[\w+/=-]{40,}|glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}|glc_[A-Za-z0-9+/=]{32,}|NRAK-[A-Z0-9]{27}|nfp_\w{30,}|"
        r"tskey-[a-z]+-\w+-\w+|sbp_[a-f0-9]{40}|sb_secret_[\w-]{20,}",
    ),
    (
        "Postman, Databricks, PlanetScale, Buildkite, CircleCI, Heroku, JFrog",
        r"PMAK-|dapi|pscale_|bkua_|CCIPAT_|HRKU-|AKCp",
        r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}|dapi[a-f0-9]{32}(?:-\d)?|pscale_(?:tkn|pw|oauth)_[\w.-]{30,}|bkua_[a-f0-9]{40}|"
        r"CCIPAT_\w{20,}|HRKU-[\w-]{30,}|AKCp[A-Za-z0-9]{60,}",
    ),
    (
        "Twilio, Mailgun, Mailchimp, Telegram, Alibaba Cloud, age",
        r"(?:AC|SK)[a-f0-9]{8}|key-[0-9a-f]{8}|[a-f0-9]{8}-us\d|:AA|LTAI|AGE-SECRET",
        r"(?:AC|SK)[a-f0-9]{32}|key-[0-9a-f]{32}|[a-f0-9]{32}-us\d{1,2}|\d{8,10}:AA[\w-]{32,33}|LTAI[A-Za-z0-9]{17,24}|"
        r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    ),
    ("Microsoft Entra client secrets", r"8Q~", r"[\w~.-]{3}8Q~[\w~.-]{31,34}"),
    ("Discord bots", r"[MNO][A-Za-z\d_-]{23,25}\.", r"[MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.[\w-]{27,}"),
)
#: A kebab-case name that begins with sk-, as style sheets have.
_KEBAB = re.compile(r"(?:sk|key)-(?:[a-z]+\d{0,2}|\d{1,2})(?:[-_]+(?:[a-z]+\d{0,2}|\d{1,2}))*\Z")


def _provider(found: re.Match[str]) -> Verdict | None:
    text = found.group()
    if re.search(r"(?i)xxxx|\*{3}|\.\.\.", text) or len(set(text)) < 8 or _KEBAB.match(text):
        return None
    return found.start(), found.end(), 0.95


PROVIDER_KEY_RULES = (
    Rule(
        "SECRET",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:(?!-----BEGIN)[\s\S]){0,16000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|"
            r"(?:(?:\\[nr]|[\s\\\"',+]){0,8}[A-Za-z0-9+/=]{16,512}){0,400})"
        ),
        whole(0.99),
        (80, 17_000),
    ),
    Rule(
        # RFC 7519; the first part is JSON, so base64url of '{"'.
        "SECRET",
        r"eyJ[A-Za-z0-9_-]{8,}\.",
        re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*"),
        whole(0.95),
    ),
    Rule(
        "SECRET",
        "|".join(prefix for _, prefix, _ in _PROVIDERS),
        re.compile(
            r"(?:(?<![A-Za-z0-9])|(?<=\\[ntr]))(?:" + "|".join(shape for _, _, shape in _PROVIDERS) + ")"
        ),
        _provider,
        (80, 700),
    ),
)
