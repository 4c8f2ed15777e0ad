"""Who asks for no more mail, in nine languages, and who only speaks of it."""

import pytest

from outrider.domain.mailboxes.requests import made_by_person, made_by_program
from outrider.providers.mail.mime import parse, visible_text

ASKED = [
    "Lose my number.", "Please cease all communication.", "Delete my contact info, thank you", "Not interested, pls remove.", "I never signed up for this. Unsubscribe me.", "This is spam. Stop.", "Take my name off this list please", "Do not email this address again.", "Please remove joe@x.example from your mailings.", "UNSUBSCRIBE!!!", "I would like to be removed from your list.", "Kindly stop sending these.", "We don't want any more of these emails.", "Leave me alone.", "Please don't send me any further emails.", "Wie kann ich mich abmelden? Bitte streichen Sie mich.", "Bitte keine Werbung mehr.", "Ich möchte keine E-Mails mehr von Ihnen erhalten.", "Löschen Sie meine Daten gemäß DSGVO.", "Kein Interesse, bitte nicht mehr anschreiben.", "Merci de ne plus me contacter.", "Je souhaite me désabonner.", "Retirez-moi de vos listes.", "Stop aux mails svp.", "No me escriban más, por favor.", "Quítenme de su lista.", "Por favor elimínenme de su base de datos.", "Deseo cancelar mi suscripción.", "Non scrivetemi più.", "Toglietemi dalla lista.", "Chiedo la cancellazione dei miei dati.", "Não me contactem mais.", "Retirem-me da lista, por favor.", "Quero cancelar a inscrição.", "Gelieve mij niet meer te mailen.", "Ik wil geen mails meer ontvangen.", "Uitschrijven aub", "Proszę mnie wypisać z listy.", "Proszę więcej do mnie nie pisać.", "Nie życzę sobie takich maili.", "今後は送らないでください。", "メール配信を止めてください。", "登録を解除してください。",
    "Unsubscribe", "unsubscribe please", "Please unsubscribe me.", "STOP", "remove me", "Opt out, thanks.",
    "Hi Alex,\n\nplease take me off your list.\n\nThanks", "Remove my email from your database.", "Stop emailing me!",
    "Please do not contact me again.", "Not interested. Please don't email me anymore.", "No more emails please.",
    "I'd like to opt out.", "We have no need for this. Kindly remove us from your mailing list.",
    "Bitte nehmen Sie mich aus dem Verteiler.", "Abmelden", "Bitte keine weiteren E-Mails senden.", "Bitte löschen Sie meine Adresse.",
    "Bitte tragen Sie mich aus.", "Austragen bitte", "Entfernen Sie mich bitte von Ihrer Liste.",
    "Merci de me retirer de votre liste.", "Désinscription", "Veuillez me désinscrire.", "Ne m'envoyez plus de mails.", "Supprimez mon adresse svp",
    "Por favor, denme de baja.", "Baja", "No quiero recibir más correos.", "Elimine mi correo de su lista, por favor.", "Quiero darme de baja",
    "Vi prego di cancellarmi dalla lista.", "Non desidero più ricevere queste mail.", "Cancellatemi", "Rimuovete il mio indirizzo, grazie.",
    "Por favor removam o meu email da vossa lista.", "Não quero receber mais emails.", "Descadastrar", "Parem de enviar emails.",
    "Graag uitschrijven.", "Afmelden", "Haal mij van deze lijst af.", "Stop met mailen aub.", "Verwijder mijn gegevens.",
    "Proszę o usunięcie mojego adresu.", "Wypisz mnie", "Proszę nie pisać więcej.", "Nie chcę otrzymywać takich wiadomości.",
    "配信停止をお願いします。", "配信停止", "今後メールは不要です。", "リストから外してください。",
]  # fmt: skip
NOT_ASKED = [
    "Could you remove the attachment and send it again?", "Please delete the old version of the contract.", "Stop by our booth at the fair!", "I will take you off the waiting list, you got a place.", "We stopped using that tool last year.", "Can I opt out of the second module and still get the discount?", "Please don't contact me by phone, mail is better.", "Do not send the invoice yet.", "Our unsubscribe page is broken, can your team fix such things?", "How do your customers unsubscribe?", "Bitte nicht vor Montag anrufen.", "Können Sie den zweiten Punkt löschen und neu senden?", "Merci de ne pas oublier la pièce jointe.", "Pouvez-vous retirer le point 3 de l'ordre du jour ?", "No me llamen antes de las diez.", "Puede borrar el archivo antiguo.", "Non mi è chiaro il prezzo.", "Può togliere il secondo punto?", "Não me lembro do preço.", "Kunt u punt 2 verwijderen en opnieuw sturen?", "Proszę nie dzwonić przed dziesiątą.", "資料は不要です、見積りだけください。",
    "Yes, gladly. How does your tool handle unsubscribe requests?", "Our unsubscribe rate is too high, can you help?",
    "Half our customers unsubscribe after a month.", "Don't unsubscribe me, I like your letters.", "Please put me on your list.",
    "Can you stop by on Monday?", "Let us remove the second point from the list of topics.", "Please don't write before Monday.",
    "Do you support an opt-out link?", "We removed the old server from our list.", "Please send me the list.", "I will not stop there, call me.",
    "Wie löschen eure Kunden ihre Daten? Das müssten wir wissen.", "Können wir den Termin abmelden und neu legen?", "Setzen Sie mich bitte auf den Verteiler.",
    "La liste est longue, merci de me rappeler.", "Ajoutez-moi à votre liste, s'il vous plaît.", "La demanda ha bajado, hablemos el lunes.",
    "Mi aggiunga alla lista, grazie.", "Coloque-me na lista, por favor.", "Zet mij op de lijst graag.", "Proszę o więcej informacji.", "リストを送ってください。",
    "Yes.", "Sounds good, when?", "No thanks.", "Not now, ask me in May.", "I'm not interested.",
]  # fmt: skip


def asked(text: str, *, subject: str = "Re: A proposal", headers: str = "", to: str = "alex@a.example") -> str:
    mail = parse(f"From: bob@b.example\nTo: {to}\nSubject: {subject}\n{headers}\n{text}".encode())
    return made_by_program(mail) or made_by_person(mail, visible_text(mail.text))


@pytest.mark.parametrize("text", ASKED)
def test_who_asks_for_no_more_mail_is_understood(text: str) -> None:
    assert asked(text)
    assert asked(f"{text}\n\n> Please unsubscribe by this link\n")


@pytest.mark.parametrize("text", NOT_ASKED)
def test_who_only_uses_the_word_is_not_taken_at_it(text: str) -> None:
    assert asked(text) == ""


def test_what_is_quoted_or_long_asks_for_nothing() -> None:
    assert asked("Yes.\n\nOn Monday, 1 May 2026 at 10:00 Alex wrote:\n> Unsubscribe") == ""
    assert asked("Please unsubscribe me. " + "But first, let me tell you a story of our firm. " * 10) == ""


def test_a_programs_request_has_no_words_but_its_address_and_subject() -> None:
    assert asked("", subject="unsubscribe", to="unsubscribe+token@a.example")
    assert asked("", subject="", to="unsubscribe@a.example")
    assert asked("Apple Mail sent this email to unsubscribe from the message.", subject="unsubscribe")
    assert asked("", subject="Unsubscribe")
    assert asked("", subject="Hello") == ""


def test_a_newsletter_that_names_the_word_asks_for_nothing() -> None:
    html = "<p>Buy this.</p>" * 300 + "<p>unsubscribe</p>"
    assert asked(html, subject="News", headers="Content-Type: text/html\n") == ""
