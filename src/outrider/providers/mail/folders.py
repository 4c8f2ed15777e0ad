"""Which folder plays which part: by what the server says (RFC 6154), else by its name."""

from collections.abc import Iterable

from outrider.providers.mail.interface import Folder, Role

_FLAGS = {
    b"\\SENT": Role.SENT,
    b"\\DRAFTS": Role.DRAFTS,
    b"\\ARCHIVE": Role.ARCHIVE,
    b"\\JUNK": Role.JUNK,
    b"\\TRASH": Role.TRASH,
    b"\\ALL": Role.ALL,
}
_UNUSABLE = {b"\\NOSELECT", b"\\NONEXISTENT"}

# What common servers and mail programs call their folders, in the languages most used for mail.
_NAMES = {
    Role.SENT: """sent;sent items;sent mail;sent messages;gesendet;gesendete elemente;gesendete objekte;
        envoyés;éléments envoyés;messages envoyés;enviados;elementos enviados;itens enviados;mensajes enviados;
        posta inviata;inviata;inviati;verzonden;verzonden items;verzonden objecten;skickat;skickade objekt;sendt;
        sendte elementer;sendt post;lähetetyt;wysłane;elementy wysłane;odeslané;odeslaná pošta;odoslané;elküldött;
        elküldött elemek;trimise;отправленные;надіслані;изпратени;gönderilmiş;gönderilmiş öğeler;απεσταλμένα;
        נשלח;المرسلة;已发送;已发送邮件;已傳送;寄件備份;送信済み;送信済みアイテム;보낸편지함;đã gửi""",
    Role.DRAFTS: """drafts;draft;entwürfe;brouillons;borradores;rascunhos;bozze;concepten;utkast;kladder;
        luonnokset;szkice;wersje robocze;koncepty;piszkozatok;ciorne;черновики;чернетки;taslaklar;πρόχειρα;
        草稿;草稿箱;下書き;임시보관함""",
    Role.JUNK: """junk;junk mail;junk e-mail;junk email;spam;bulk mail;spamverdacht;unerwünscht;courrier indésirable;
        indésirables;pourriel;correo no deseado;lixo eletrônico;lixo eletrónico;posta indesiderata;ongewenst;
        ongewenste e-mail;skräppost;søppelpost;uønsket e-post;roskaposti;wiadomości-śmieci;nevyžádaná pošta;
        levélszemét;спам;нежелательная почта;gereksiz;gereksiz e-posta;垃圾邮件;垃圾郵件;迷惑メール;스팸편지함""",
    Role.TRASH: """trash;bin;deleted;deleted items;deleted messages;papierkorb;gelöscht;gelöschte elemente;
        gelöschte objekte;corbeille;éléments supprimés;papelera;elementos eliminados;lixeira;itens excluídos;
        itens eliminados;cestino;posta eliminata;prullenbak;verwijderde items;papperskorg;borttaget;papirkurv;
        slettede elementer;roskakori;poistetut;kosz;elementy usunięte;koš;odstraněná pošta;kuka;корзина;удаленные;
        кошик;çöp kutusu;silinmiş öğeler;已删除;已删除邮件;垃圾桶;ゴミ箱;휴지통""",
    Role.ARCHIVE: """archive;archives;archiv;archiviert;archivo;arquivo;archivio;archief;arkiv;arkisto;archiwum;
        archív;архив;архів;arşiv;存档;归档;アーカイブ;보관함""",
    Role.ALL: "all mail;alle nachrichten;tous les messages;todos;todos os e-mails;tutti i messaggi;вся почта",
}
_ROLE_OF_NAME = {name.strip(): role for role, names in _NAMES.items() for name in names.split(";")}


def assign_roles(listed: Iterable[tuple[tuple[bytes, ...], str, str]]) -> tuple[Folder, ...]:
    """Takes (flags, delimiter, name) of each folder; returns those that can be opened, each role given once."""
    usable = [
        ({flag.upper() for flag in flags}, delimiter, name)
        for flags, delimiter, name in listed
        if not _UNUSABLE & {flag.upper() for flag in flags}
    ]
    roles: dict[Role, str] = {}
    for flags, _, name in usable:
        for flag in flags & _FLAGS.keys():
            roles.setdefault(_FLAGS[flag], name)
        if name.upper() == "INBOX":
            roles[Role.INBOX] = name
    # A name counts only where no folder was named by the server; the one nearest to the root wins.
    for _, delimiter, name in sorted(usable, key=lambda folder: len(folder[2])):
        role = _ROLE_OF_NAME.get(_last_part(name, delimiter).casefold())
        if role and name not in roles.values():
            roles.setdefault(role, name)
    role_of = {name: role for role, name in roles.items()}
    return tuple(Folder(name, role_of.get(name)) for _, _, name in usable)


def _last_part(name: str, delimiter: str) -> str:
    return name.rpartition(delimiter)[2] if delimiter else name
