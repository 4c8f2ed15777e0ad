"""Mail that asks for a lead's money rather than bringing one: spam, newsletters, notices of programs."""

import re

from outrider.providers.mail.parsed import ParsedMail

ENOUGH = 3.0  # points
_LOOKED_AT = 30_000
_MANY = 3
_LONG = 2_500

# Words, and what each of them counts once. No single one is enough: people use every one of them.
_SIGNS = tuple(
    (re.compile(pattern, re.IGNORECASE), points, what)
    for pattern, points, what in (
        ((r"\bunsubscrib\w*|\bopt(?:ed)?[- ](?:out|in)\b|\bremoved? (?:\w+ ){0,4}(?:list|mailing|database)\b|remove\" in|to be removed|abmelden|abbestellen|désabonn\w*|désinscri\w*|darse de baja"
         r"|cancelar (?:la|a) suscripci[oó]n|cancelar a (?:sua )?(?:subscrição|inscrição)|disiscri\w*|cancellarsi|uitschrijven|afmelden"), 2.0, "a way to unsubscribe"),
        (r"\bclick (?:here|below|on the link|the link)\b|hier klicken|cliquez ici|haga clic|haz clic|clique aqui|clicca qui|klik hier", 1.5, "click here"),
        (r"\bnewsletter\b|\byou (?:are )?receiv(?:e|ed|ing) this\b|\bthis (?:e-?mail|message) (?:was|is|has been) (?:not )?(?:sent|unsolicited|an? advertise)", 2.0, "a mailing's own words"),
        (r"\b(?:million|billion|thousand)\b.{0,30}\b(?:dollars?|usd?|pounds|euros?)\b|\b(?:us ?\$|usd|\$) ?\d[\d.,]* ?(?:m\b|million)", 1.5, "millions"),
        (r"\bnext of kin\b|\b(?:foreign|bank|beneficiary) (?:account|partner)\b|\bdeposit(?:ed)?\b.{0,60}\b(?:security|vault|bank|company)\b|\bconfidential(?:ity|ly)?\b.{0,90}\b(?:transaction|business|proposal)\b", 1.5, "an advance fee"),
        (r"\b(?:transfer|claim|invest|move)\b.{0,40}\b(?:fund|money|sum)s?\b|\bthe (?:sum|fund|money)s?\b.{0,50}\b(?:transfer|deposit)", 1.5, "a transfer of money"),
        (r"\b(?:late|former) (?:president|father|husband|head of state|general|dr|mr|chief)\b", 1.0, "a late president"),
        (r"\burgent\w*\b.{0,50}\b(?:business|assistance|proposal|transaction|response|reply|help)\b|\b(?:seeking|need|request for)\b.{0,40}\bassistance\b", 1.0, "urgency"),
        (r"\bmutual(?:ly)? benefi\w+|\bpercent(?:age)?\b.{0,60}\b(?:sum|total|money|fund)\b|\d ?% (?:of the|for you)", 1.0, "a share"),
        (r"\b(?:100 ?%|absolutely|completely|totally) (?:free|guaranteed|risk[- ]free)\b|\bmoney[- ]back\b|\brisk[- ]free\b|\bno obligation\b|\bguaranteed?\b", 1.0, "a guarantee"),
        (r"\b(?:order|act|buy|call|apply|sign up|join|subscribe|register|book)\b(?: \w+){0,3} (?:now|today)\b|\blimited time\b|\bspecial offer\b|\blast chance\b|\btime is running out\b|\bbefore it is too late\b|\bspecial deals?\b|\bthis offer\b", 1.0, "haste"),
        (r"\b(?:viagra|casino|mortgage|refinanc\w+|weight loss|lose weight|toner|work (?:at|from) home|earn (?:up to )?\$|make money|extra income|mlm|credit card debt|adult|xxx|porn\w*|sex\w*|lottery|herbal|penis|hormone|inkjet|teens?)\b", 1.5, "wares of spam"),
        (r"\b(?:dear|hello|attn)[ :]{1,3}(?:friend|sir|madam|sir ?/ ?madam|director|manager|homeowner|customer|subscriber|member|beloved|user|dear)s?\b", 0.5, "a salutation of strangers"),
        (r"\bour (?:product|catalog\w*|offer|price|service|company|website|rates)s?\b.{0,160}\b(?:visit|www\.|http|contact us|order|offers?|designer|manufacturer|manufactures?)", 1.0, "an advertisement"),
        (r"\bwe (?:offer|provide|are (?:pleased|proud) to (?:announce|offer)|guarantee)\b|\bvisit (?:our|us|http|www)|\bsave (?:up to )?(?:\d|\$)|\bfree (?:trial|gift|quote|shipping|report|access)\b", 1.0, "an advertisement"),
        (r"\b(?:world|industry|region|country|nation)['’]?s (?:\w{1,20} )?(?:largest|leading|premier|finest|biggest|best)\b|\bworld[- ]class\b|\bpremier\b.{0,30}\bevent\b", 1.5, "praise of itself"),
        (r"\d[.,]?\d{2} ?% off\b|\b\d{1,2} ?% off\b|(?:\$|£|€) ?\d+[.,]\d\d\b.{0,400}(?:\$|£|€) ?\d+[.,]\d\d\b.{0,400}(?:\$|£|€) ?\d+[.,]\d\d\b", 1.0, "prices"),
        (r"\bthis is an automat\w+|\bautomat(?:ic|ed)(?:ally)? (?:generated|\w+ reminder|message|notif\w+)|\bdo not reply\b", 2.5, "an automatic notice"),
        (r"\bwe(?:'ve| have)? (?:added|released|announced)\b.{0,80}\b(?:members?|subscribers?|users)\b|\bin this (?:issue|week)\b", 1.5, "an issue"),
    )
)  # fmt: skip
_MAILERS = re.compile(
    r"^(?:no-?reply|do-?not-?reply|newsletters?|news|mailer|mailings?|notif\w*|alerts?|updates?|offers?|promo\w*|deals?|bounces?\W?|announce\w*|advisor\w*|[\w-]+-(?:advisory|announce|news\w*|noreply)|webmaster|digest|daily[\w-]*|weekly[\w-]*|rssfeeds|daemon|cron|root|nobody|www-data|apache)(?:[+\-_.]|@)",
    re.IGNORECASE,
)
_SPAM_SUBJECT = re.compile(r"[A-Z]{4,}\W+[A-Z]{4,}\W+[A-Z]{3,}|!{2,}|\${2,}|\s{6,}\S|\bFREE\b|\$\d")
# The mark that laws have asked advertisements to carry.
_ADVERTISES = re.compile(r"\W{0,3}adv\W{0,3}:", re.IGNORECASE)
_SUBJECT_NOTICE = re.compile(
    r"\b(?:newsletter|digest|weekly|daily|automated|reminder|advisory|stories for|update:|now available|signed up|subscription)\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"\b(?:network|team|news|daily|of the day|cent(?:er|re)|support|customer|service|sales|info|shop|store|club|offers?|nic|admin|editors?|staff|marketing|billing|system|list)\b|!",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"(?m)^[^a-z\n]*[A-Z][^a-z\n]{12,}$")
_LINK = re.compile(r"https?://", re.IGNORECASE)
_FLAGGED = re.compile(r"yes", re.IGNORECASE)


def why(mail: ParsedMail, text: str) -> str:
    """Returns why it is nobody's enquiry; empty where it may be one."""
    for name in ("x-spam-flag", "x-spam-status"):
        if any(_FLAGGED.match(value.strip()) for value in mail.headers.get(name, ())):
            return f"Its {name} header calls it spam."
    sender = mail.sender.address if mail.sender else ""
    if _MAILERS.match(sender):
        return f"It comes from {sender}, which sends to many."
    text = text[:_LOOKED_AT]
    points, found = _signs(f"{mail.subject} {text}")
    if points + _shape(mail, text) >= ENOUGH and not _is_answer(mail):
        return f"It reads like a mailing: {', '.join(found) or 'its shape'}."
    return ""


def why_text(text: str) -> str:
    """The same of what somebody wrote into a form: by its words alone."""
    points, found = _signs(text[:_LOOKED_AT])
    return f"It reads like a mailing: {', '.join(found)}." if points > ENOUGH else ""


def _signs(text: str) -> tuple[float, list[str]]:
    joined = " ".join(text.split())
    found = [(weight, what) for pattern, weight, what in _SIGNS if pattern.search(joined)]
    return sum(weight for weight, _ in found), [what for _, what in found]


def _shape(mail: ParsedMail, text: str) -> float:
    points = 1.0 if _SPAM_SUBJECT.search(mail.subject) else 0.0
    points += ENOUGH if _ADVERTISES.match(mail.subject) else 0.0
    points += 1.5 if _SUBJECT_NOTICE.search(mail.subject) else 0.0
    points += 1.0 if len(_CAPITALS.findall(text)) >= _MANY else 0.0
    points += 0.5 if text.count("!") > _MANY else 0.0
    points += 0.5 if len(_LINK.findall(text)) >= _MANY else 0.0
    points += 0.5 if len(text) > _LONG else 0.0
    name = mail.sender.name if mail.sender else ""
    points += 2.0 if _NOBODY.search(name) else 0.0 if name else 0.5
    points += 0.5 if "!" in mail.subject else 0.0
    is_html_only = "text/html" in mail.parts and "text/plain" not in mail.parts
    return points + (0.5 if is_html_only else 0.0)


def _is_answer(mail: ParsedMail) -> bool:
    return bool(mail.in_reply_to or mail.references)
