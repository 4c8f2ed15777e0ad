"""Whether a mail asks, in a few words, for no more mail; a mail that only speaks of such requests does not."""

import re

from outrider.providers.mail.parsed import ParsedMail
from outrider.providers.mail.sieve import Sieved

LONGEST = 60  # words of a request; who writes more wants to say more
_MUCH = 1_500  # characters that are looked at


def _any(*patterns: str) -> Sieved:
    return Sieved(re.compile("|".join(patterns), re.IGNORECASE))


_POLITE = r"(?:hi|hello|hey|dear [\w ]{1,30}|please|pls|plz|kindly|thanks|thank you|no thanks?|bitte|merci de|s'il vous plaît|svp|por favor|per favore|graag|a\.?u\.?b\.?|proszę(?: o)?|gracias|obrigad[oa])"
# A line that is nothing but the word itself, with a courtesy around it.
_BARE = re.compile(
    rf"(?:{_POLITE}[,!. ]{{1,3}}){{0,2}}(?:unsubscribe(?: me| us| request)?|unsub|un-subscribe|opt[ -]?out|opt me out|remove(?: me| us)?|stop|stop (?:it|this|mailing|emailing)|take me off|delete me"
    r"|abmelden|abbestellen|abmeldung|austragen|löschen|désabonner|désinscrire|désinscription|désabonnement|me désinscrire|me désabonner|baja|dar(?:me)? de baja|darse de baja|cancelar (?:la )?suscripción|disiscriv\w{1,5}|cancellami|cancellazione|cancellatemi"
    r"|uitschrijven|afmelden|schrijf me uit|meld me af|descadastrar|cancelar (?:a )?(?:inscrição|subscrição|assinatura)|remover|wypisz(?: mnie)?|wypisać|wypisanie|rezygnuję|配信停止|配信解除|登録解除|購読解除|解除)"
    rf"(?:[,!. ]{{1,3}}{_POLITE}){{0,2}}[\s.!,]*$",
    re.IGNORECASE,
)
_LIST = r"(?:list|mailing|mails?|e-?mails?|database|distribution|campaign|contacts?|sequence|system|newsletter|crm|files?|records?)"
_ASKED = _any(
    r"\blose my (?:number|address|e-?mail|name)|\bcease (?:and desist|all |any |this |these |your )*(?:communication|contact|correspondence|mailing|e-?mail|message)s?\b|\b(?:pls|plz|please|kindly) (?:just )?(?:remove|unsubscribe|stop)\b(?=\s*(?:$|[.!,]))|(?:^|[.!] )stop(?: (?:it|this|now))?\s*(?:$|[.!])"
    r"|\bthis is spam\b|\bremove \S{1,64}@\S{3,80}|\b(?:be|get) (?:removed|taken|deleted) (?:from|off) .{0,20}(?:list|mailing|database|e-?mails?)|\b(?:don't|do not|no longer) (?:want|wish|need)(?: to (?:receive|get|see))? (?:any |these |your |such )*(?:more |further |of (?:these|your) )*(?:e-?mails?|mails?|messages|newsletters?)|\bleave (?:me|us) alone",
    r"streichen sie (?:mich|uns|meine)|\bkein(?:e|en)? (?:weiteren? )?(?:werbung|mails?|e-?mails?|newsletter|nachrichten|anfragen) (?:mehr|von ihnen)|(?:möchte|will|wollen|möchten|wünsche) (?:ich |wir )?(?:von ihnen )?(?:keine|nicht)\b.{0,40}(?:erhalten|bekommen|angeschrieben|kontaktiert|belästigt)|\bstop (?:aux|les|à vos|de vos) (?:(?:e-?)?mails?|messages|pub\w*)|\bplus (?:aucun|de) (?:(?:e-?)?mails?|messages?)\b",
    r"\b(?:el[ií]m[ií]n|qu[ií]t|b[oó]rr|s[aá]qu|s[aá]c|rem[uú]ev)\w{1,6}(?:me|nos)\b|\bcancelar (?:mi|la|nuestra) suscripción|\bnon (?:mi |ci )?(?:scriv|contatt|invi|mand|disturb)\w{1,10} più|\b(?:la )?cancellazione (?:dei miei dati|dei nostri dati|del mio|dalla (?:vostra |sua )?(?:mailing )?list)|\b(?:mij|me|ons) (?:hier )?niet (?:meer|verder|langer) .{0,20}(?:mailen|benaderen|schrijven|sturen|contacteren|lastig)",
    r"(?:メール|配信|案内).{0,8}(?:止め|やめ|ストップ)",
    rf"\b(?:remove|take|drop|delete|erase|strike|get) (?:me|us|my (?:\w+ )?(?:e-?mail|address|name|contact|details|data)|our (?:\w+ )?(?:address|name)|this (?:e-?mail|address)|it)\b.{{0,30}}\b(?:from|off|out of)\b.{{0,30}}{_LIST}",
    r"\b(?:remove|delete|erase) (?:me\b(?! \w+ing)|my (?:e-?mail|address|contact|details|data|information|name)|this (?:e-?mail )?address|our (?:address|data))|\bremove it and (?:confirm|delete)|take me off\b",
    r"(?<!how to )(?<!to )(?<!not )(?<!n't )\bunsubscribe (?:me|us|this|my|from|now|immediately)\b|\b(?:please|kindly|pls|want to|like to|wish to|asked to|asking to) (?:be )?unsubscribed?\b|\bopt(?:ing)? (?:me |us )?out\b(?=[\s.,!]*(?:$|please|now|thank|(?:of|from) (?:your|this|these|any|all|further|future|the (?:list|mailing|e-?mail))))",
    r"\b(?:stop|cease|quit) (?:e-?mailing|mailing|contacting|writing|messaging|sending|spamming|bothering|harassing)\b(?: (?:to )?(?:me|us|this|these|your|any|such|unsolicited|e-?mails?|mails?|messages?|spam))?|\bno (?:more|further) (?:e-?mails?|mails?|messages|contact|correspondence)\b"
    r"|\b(?:do not|don't|dont|never) (?:ever )?(?:e-?mail|mail|contact|write|message|send|spam)(?: to)? (?:me|us|this|any)\b(?! (?:by|via|until|before|on|about|if|unless|after|when|during|there|at|a|the)\b)",
    r"(?:aus|von) (?:dem|der|ihrem?|ihrer|eurem?|eurer|diesem) (?:\w+)?(?:verteiler|liste|mailing|datenbank|newsletter)|(?:keine|nicht) (?:weiteren? |mehr )?(?:\w+ )?(?:e-?mails?|mails|werbung|nachrichten|newsletter)? ?(?:mehr )?(?:senden|schicken|zusenden|anschreiben|kontaktieren|erhalten|zuschicken)|(?:löschen|entfernen) sie (?:meine|mich|unsere|bitte meine|die(?:se)? adresse)|tragen sie mich (?:bitte )?aus|melden sie mich (?:bitte )?ab|(?:hör|hören sie).{0,12}auf.{0,30}(?:schreiben|mailen|schicken)|bitte (?:um )?(?:abmeld|austrag)",
    r"(?:retire[zr]|supprime[zr]|enleve[zr]|désinscri\w+|désabonne\w*|radie[zr])[- ](?:-?moi|nous|mon (?:adresse|e-?mail|nom|contact)|mes (?:données|coordonnées)|cette adresse)|me (?:désinscrire|désabonner|retirer|supprimer)\b|ne (?:plus|pas) (?:m'|me |nous )(?:écri|envoy|contact|sollicit|recevoir)\w*|ne m'envoyez plus|arrête[zr]? de (?:m'|me |nous )|(?:de|hors de) (?:votre|vos|cette) (?:liste|base|fichier)s?\b.{0,20}(?:retir|supprim|désinscri)|ne (?:souhaite|veux|désire) plus (?:recevoir|être contact)",
    r"(?:d[eé]nme|darme|deme|quiero darme|solicito|dar) de baja|(?:elimin|quit|borr|sac|remuev)\w{1,6}(?:me|nos| mi (?:correo|direcci|email|nombre)\w*| mis datos)\b|no (?:me|nos) (?:env[ií]\w+|escrib\w+|contact\w+|mand\w+) más|(?:no (?:quiero|deseo) (?:recibir|que me)|dejen? de (?:enviar|escribir|mandar|contactar))\w*",
    r"(?:cancell|rimuov|toglie|elimin|disiscriv)\w{0,6}(?:mi|ci|temi|eteci| il mio (?:indirizzo|nome|contatto)| i miei dati)\b|(?:non (?:desidero|voglio|vogliamo) (?:più )?ricevere|non (?:mi|ci) (?:scriv|contatt|invi|mand)\w+ più|smett\w+ di (?:scriver|inviar|mandar|contattar)\w*)|(?:dalla|dalle) (?:vostra|tua|sua|vostre) (?:mailing )?list",
    r"(?:remov|retir|exclu|elimin|apag|descadastr|tir)\w{1,5}[- ]?(?:me|nos|-me|o meu (?:e-?mail|endereço|contacto|nome)|meu (?:e-?mail|endereço|contato|nome)|os meus dados|meus dados)\b|(?:não (?:quero|desejo|pretendo) (?:mais )?receber|não (?:me|nos) (?:envi|escrev|contact|mand)\w+ mais|par(?:e|em) de (?:me )?(?:enviar|escrever|mandar|contactar))|(?:da|das) (?:vossa|sua|tua|vossas) lista|cancelar (?:a )?(?:minha )?(?:subscrição|inscrição)",
    r"(?:schrijf|meld|haal|verwijder) (?:mij|me|ons|mijn (?:e-?mail|adres|naam|gegevens|mailadres))\b|(?:graag|wil|willen|mij|me|ons) .{0,25}(?:uitschrijven|afmelden|verwijderen|uitgeschreven)|(?:van|uit) (?:uw|jullie|je|deze|de) (?:\w+)?(?:lijst|bestand|mailing)|(?:geen|niet) (?:e-?mails?|mails?|berichten|post)? ?meer (?:sturen|mailen|ontvangen|toesturen|benaderen|te ontvangen)|(?:stop|stoppen) met (?:mailen|e-?mailen|sturen|schrijven)",
    r"(?:proszę|prosimy|prosze)\b.{0,30}(?:usun|wypis|skreśl|nie (?:wysyłać|pisać|przesyłać|kontaktować))\w*|(?:usuńcie|usuń|wypiszcie|wypisz|usunąć) (?:mnie|nas|mój|moje|nasz)|(?:nie chcę|nie życzę sobie|nie chcemy) .{0,30}(?:otrzymywać|dostawać|wiadomości|maili|kontaktu)|(?:nie|przestańcie|przestań) (?:piszcie|wysyłajcie|wysyłać|pisać)\b.{0,15}(?:więcej|do mnie)?",
    r"(?:配信|メール(?:の)?(?:配信|送信)?)(?:を|の)?(?:停止|中止|解除|ストップ)|(?:メール|案内|ご連絡).{0,8}(?:不要|いりません|送らないで|お断り)|(?:リスト|名簿|宛先|送信先).{0,8}(?:から)?(?:外し|削除|除外)|(?:購読|登録)(?:を|の)?(?:解除|停止|取り消)|(?:二度と|今後).{0,15}(?:送ら|連絡し)ないで",
)
_NOT_ASKED = _any(
    r"\b(?:don't|do not|didn't|did not|never) (?:want (?:to|you to) |wish to |mean to )?(?:be )?(?:unsubscribed?|opt(?:ed)? out|removed?)\b|\b(?:our|their|your|the|an?|every|each|many|of|handle|honou?r|track|process) (?:\w+ ){0,2}(?:unsubscribe|opt-?out)s?(?: (?:link|rate|page|button|request|requests|list|header|form|footer|option|feature|handling|flow)s?)?\b",
    r"\b(?:customers?|users?|people|clients?|subscribers?|recipients?|prospects?|they|leads?) (?:\w+ ){0,3}(?:unsubscribe|opt out|ask|asked|asks|want|click)|\b(?:nicht|kein) (?:abmelden|löschen)\b|\b(?:if|unless|before|until|when|while) (?:i|we|you|they) (?:\w+ ){0,2}(?:unsubscribe|remove|stop|delete)",
    r"(?:did|does|do|will|would|can|could) (?:you|it|your \w+) (?:\w+ ){0,3}(?:support|handle|offer|include|process|manage)\b",
)
_BY_PROGRAM = _any(
    r"sent this (?:e-?mail|message) to unsubscribe|this (?:message|e-?mail) was (?:automatically )?(?:generated|sent) (?:by [\w .]{1,30} )?(?:to|for) unsubscrib|automatically generated (?:e-?mail|message) to unsubscribe|please unsubscribe me from the mailing list named"
)
_UNSUBSCRIBE_ADDRESS = re.compile(
    r"(?:^|[._+=-])(?:unsub(?:scribe)?|opt-?out|list-?unsubscribe|abmelden|remove)(?:[._+=-]|@)", re.IGNORECASE
)
_SUBJECT = re.compile(
    r"\s*(?:re:\s*)?(?:unsubscribe|unsub|opt[ -]?out|remove(?: me)?|abmelden|désinscription|désabonnement|baja|cancellazione|uitschrijven|afmelden|descadastrar|wypisz|配信停止)\b.{0,60}$",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\s*(?:hi|hello|hey|dear|hallo|guten tag|sehr geehrte\w*|liebe\w*|bonjour|hola|buenos días|ciao|salve|buongiorno|olá|bom dia|beste|geachte|dag|cześć|dzień dobry|szanown\w+)\b[^\n]{0,40}[,!:]?\s*$",
    re.IGNORECASE,
)


def made_by_program(mail: ParsedMail) -> str:
    """The words of a mail that a program wrote for the button "unsubscribe" (RFC 2369), or nothing."""
    text = mail.text[:_MUCH]
    if len(text.split()) > LONGEST:
        return ""
    if program := _BY_PROGRAM.search(text):
        return program[0]
    if not any(_UNSUBSCRIBE_ADDRESS.search(box.address) for box in mail.to):
        return ""
    if _SUBJECT.match(mail.subject):
        return mail.subject
    # A program's own mail has hardly a word.
    return "it is sent to an address that takes such requests" if len(text.split()) <= 3 else ""  # noqa: PLR2004


def made_by_person(mail: ParsedMail, text: str) -> str:
    """The words that ask, or nothing. `text` is what the writer added, without quotes and signature."""
    text = text[:_MUCH]
    is_newsletter = not (mail.in_reply_to or mail.references) and len(mail.text) > 10 * len(text) + 500
    if is_newsletter:  # its own footer says the word
        return ""
    if not text.strip():
        is_asked = _SUBJECT.match(mail.subject) and not mail.html
        return mail.subject if is_asked else ""
    return _asked(text)


def _asked(text: str) -> str:
    if len(text.split()) > LONGEST:
        return ""
    for line in text.splitlines():
        if line.strip() and not _GREETING.match(line):
            if _BARE.match(line.strip()):
                return line.strip()
            break  # only the first words can be nothing but the request
    folded = " ".join(text.replace("’", "'").split())
    found = _ASKED.search(folded)
    return found[0] if found and not _NOT_ASKED.search(folded) else ""
