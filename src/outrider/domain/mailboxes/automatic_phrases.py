"""What automatic answers say in nine languages, once it is known that a machine says it: somebody is gone or away, or
the sender is to prove something. Wider than what may tell a machine from a person.
"""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


GONE = _any(
    r"\bno longer (?:works?|working|with|employed|at (?!all)|holds?|part of|in (?:this|the|that|my) (?:role|position|job|team)|on (?:the|our) team|a member|an employee)",
    r"\b(?:i have|i've|has|have)(?: now| since| recently| already)? (?:left|departed)\b(?! (?:the (?:office|building|country)|for|on|you|a|my|it|work|home)\b)|\b(?:left|leaving) (?:the |our )?(?:company|firm|organi[sz]ation|business)",
    r"\b(?:has|have|i've|am|is|i'm)(?: now| since| recently)? retired\b|\bretired (?:in|from|on|after|at|as)\b|\bmoved on (?:from|to)\b|\bdoes(?:n't| not) work (?:here|at|for|with)|\bmy successor\b|\bchanged (?:jobs|employers?)|\bnew (?:role|job|position) (?:at|with|in|outside)|\blast (?:working )?day (?:was|at|with)|\bpassed away\b",
    r"(?:firma|unternehmen|haus|betrieb|organisation|verein|schule|kanzlei|praxis|amt)\b.{0,20}\bverlassen|nicht (?:mehr|länger) .{0,50}(?:tätig|beschäftigt|angestellt|mitarbeiter|unternehmen\b|im hause?\b)|\barbeite[tn]? (?:seit .{0,20} )?nicht (?:mehr|länger)|nicht mehr (?:bei|für) (?:uns|die|den|das)\b|\bausgeschieden|\bruhestand\b|\bin (?:alters)?rente\b|pensioniert|\bnachfolger|(?:arbeitgeber|stelle|position|abteilung) gewechselt|neuen? (?:aufgabe|herausforderung|arbeitgeber)",
    r"\b(?:a|ai|avons|ont) quitté\b|ne (?:travaill\w+|fait|fais|faisons|font|collabor\w+) plus\b|n'(?:est|suis) plus (?:en poste|salarié|employé|dans|chez|à)|n(?:'|e )(?:appartien\w+|exerc\w+|occup\w+) plus|\b(?:à la|en) retraite\b|\bretraitée?\b|\bsuccesseure?\b",
    r"\bya no (?:trabaj|form|pertene|est[áo]y? (?:en|con)|labor|presta|colabor)\w*|\bh[ae] dejado (?:la|de|el|nuestr)|\bdej[óé] (?:la|de trabajar|nuestr)|\bjubilad[oa]|\bme jubil|\bcambi(?:ado|é|ó) de (?:trabajo|empresa|puesto)|\bsucesora?\b|causado baja",
    r"\bnon (?:lavor\w+|collabor\w+|fa|faccio|opera|presta|è) più\b|\bh[ao] (?:lasciato|cessato)\b|\bin pensione\b|\bpensionat[oa]|\bdimess[oa]\b|\bsuccessor[ei]\b",
    r"\bjá não (?:trabalh|colabor|faz|faço|integr|pertenc|exerc|est[áo]u? (?:na|no|em|com))\w*|\bnão (?:trabalh\w+|faz|faço|colabor\w+|integr\w+) mais\b|\bdeix(?:ei|ou) (?:a|o|de|os)\b|\baposent(?:ad[oa]|ei|ou)|\breform(?:ad[oa]|ei-me|ou-se)|\bsucessora?\b|\bdeslig(?:ad[oa]|ou|uei)",
    r"\bniet (?:meer|langer) (?:werkzaam|in dienst|bij|voor|werken|actief|verbonden)|\bwerkt?(?: hier| sinds .{0,20})? niet (?:meer|langer)|\b(?:bedrijf|organisatie|firma|ons)\b.{0,12}\bverlaten|\b(?:met|op) pensioen|\bgepensioneerd|\bopvolg(?:er|ster)|\buit dienst|\bandere (?:baan|werkgever|functie)",
    r"\bnie (?:pracuj\w+ już|jest już|pracuj\w+ (?:w|u|dla))|\bjuż (?:u nas |tu |tutaj |w \w+ )?nie (?:pracuj|jest pracownik)|\bodsz(?:edł|edłem|edła|łam|li)\b|\bzakończył\w* (?:pracę|współpracę)|\bemerytur|\bnastępc[aąę]|\bnie jest już\b|\bprzestał\w* pracować|\bzmienił\w* prac",
    r"\bresigned\b|\blast day\b.{0,30}\b(?:was|with|at)\b|\bnot? (?:with|at) (?:us|the company) any ?more|\bhat (?:uns|das|die|den)\b.{0,40}\bverlassen|\bkündigung\b|\b(?:no|ya no) trabajo (?:en|para|aquí)|\bnon (?:sono|è) più (?:in|presso|dipendente|operativ|con)|\btrasferit[oa] (?:in|presso) (?:un|altr)|\b(?:já )?sa[íi](?:u|)? (?:da|do) (?:empresa|grupo|escritório)|\bnão trabalho (?:nesta|na|no|para|aqui)"
    r"|\bbuiten ons bedrijf|\bnieuwe (?:uitdaging|baan|werkgever)|\bnie jestem już|\bjuż nie jest(?:em)?\b|\ba cessé ses fonctions|\bnous a quittés?\b|\bnew (?:challenge|opportunity|employer)\b",
    r"退職|退社|離職|転職いた|在籍しておりません|後任|定年",
)  # fmt: skip
AWAY = _any(
    r"\bout of (?:the )?(?:office|country|town)\b|\baway\b(?! with)|\bon (?:\w+ ){0,2}leave\b|\bvacation|\b(?:on|for the|public|bank|national) holidays?\b|\bholiday notice|\b(?:out |off |am |i'm )sick\b|\bsick leave|\bunwell\b|\b(?:maternity|paternity|parental|compassionate)\b|\bsabbatical|\b(?:at|attending) (?:a|an|the) .{0,30}(?:conference|fair|event|training|workshop)|\btravell?ing\b|\bbusiness trip"
    r"|\b(?:office|shop|store|we|company|business|building)\b.{0,30}\b(?:closed|shut)\b|\bre-?open|\bpart[- ]time\b|\bmy next working day|\bwork (?:on )?(?:mon|tue|wed|thu|fri)\w*(?: to| and|,| ?[-–&])|\bback (?:on|at my|in the|in (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|tomorrow|next|\d)|\b(?:limited|no|sporadic|intermittent|restricted) (?:e-?mail )?access|\bgone fishing|\b(?:not|un)[- ]?(?:available|reachable)\b.{0,30}(?:until|today|this week|from|till)|\bnot (?:in the office|at my desk|checking)|\bupon (?:my )?return|\bon my return|\bout today\b|\bjury duty",
    r"\burlaub|\babwesen|\baußer haus|\bnicht (?:im|am) (?:büro|haus|platz|arbeitsplatz|dienst)|\belternzeit|\bmutterschutz|\b(?:dienst|geschäfts)reise|\b(?:er)?krank(?:t|heit|geschrieben|gemeldet)?\b|ferien\b|\bauf (?:einer|der) .{0,20}messe|\bmesse\b|\bgeschlossen\b|eingeschränkt erreichbar|\bnicht erreichbar|\bwieder (?:für sie )?(?:da|erreichbar|im (?:büro|haus)|zurück)|\bzurück\b|\brückkehr|\bfortbildung|\bfeiertag|\b(?:montags|dienstags|mittwochs|donnerstags|freitags)\b|nächsten arbeitstag|\bteilzeit|\bkur\b|\breha\b",
    r"\babsent|\bcongés?\b|\bvacances|\bdéplacement|\barrêt (?:maladie|de travail)|\bmalade\b|\bmaternité|\bpaternité|\bparental|\bfermés?\b|\bfermées?\b|\bde retour\b|\bmon retour|\bje rentre|\ben formation|\bférié|\btemps partiel|\bpas (?:au|à mon) bureau|\bne travaille pas le|\bsalon\b|\bindisponible",
    r"\bvacaciones|\bfuera de (?:la )?oficina|\bde viaje|\bausente|\bausencia|\bde baja\b|\bbaja (?:médica|maternal|por)|\bmaternidad|\bpermiso\b|\bcerrad[oa]s?\b|\bregres(?:o|aré|amos)|\bvuelvo|\bvolveré|\breincorpor|\bno estaré\b|\bfestivo|\bestoy fuera|\bno (?:me encuentro|estoy) (?:en|disponible)",
    r"\bferie\b|\bvacanz|\bfuori (?:ufficio|sede|stanza)|\bassen(?:te|za)|\bmalattia|\bmaternità|\bpaternità|\btrasferta|\bcongedo|\bchius[oiae]\b|\brientr|\btorno\b|\btornerò|\bpermesso\b|\bfestiv|\bnon (?:sono|sarò) (?:in ufficio|disponibile|raggiungibile)",
    r"\bférias|\bausente|\bausência|\bfora d[oae]\b|\blicença|\bbaixa (?:médica|por|de)|\bde baixa\b|\bmaternidade|\bviagem|\bfechad[oa]|\bencerrad[oa]|\bregress(?:o|arei|amos)|\bvolto\b|\bvoltarei|\bnão (?:estou|estarei) (?:no|na|em|dispon)|\bferiado|\bretorn(?:o|arei)",
    r"\bvakantie|\bafwezig|\bverlof|\bziek\b|\bgesloten\b|\bniet (?:aanwezig|op kantoor|beschikbaar|bereikbaar)|\bterug (?:op|ben|in|van)|\bben terug|\bweer (?:aanwezig|bereikbaar|terug)|\bzakenreis|\bop reis|\bwerk niet op|\bwerkdagen zijn|\bbeurs\b|\bzwangerschap|\bfeestdag|\bweg tot",
    r"\burlop|\bnieobecn|\bpoza biurem|\bzwolnieni|\bdelegacj|\bnieczynn|\bzamknięt|\bwracam|\bwróc[ęi]|\bpowroc|\bpowrót|\bpodróży|\bchorob|\bmacierzyń|\bświęt|\bograniczony dostęp|\bnie ma mnie",
    r"\booo\b|\boff (?:work|today|tomorrow|this|until|till|for the|sick)\b|\b(?:week|day|days|time|month|morning|afternoon) off\b|\bin meetings\b|\brecover(?:y|ing) from|\bsurgery\b|\bhospital\b|\bsecondment\b|\bshut for\b|\bsee you (?:on|in|next)\b|\b(?:be|am|i'm|are|we're) back\b|\bslow to (?:reply|respond)|\bfield(?:work| trip)|\bretreat\b|\bfamily emergency",
    r"\bschulung|\bseminar\b|\blehrgang|\btagung|\bunterwegs\b|\bverreist|\b(?:heute|morgen|freitags?) frei\b|\bhabe .{0,20}frei\b|\b(?:ist|bleibt) .{0,60}\bzu\b|\b(?:pas|non) joignable|\bquelques jours de repos|\bde repos\b|\bje reprends|\breprise le|\bferm(?:e|ons|ent) (?:ses|nos|du|le)|\bstage\b|\bséminaire|\bhospitalis",
    r"\bdescanso|\b(?:una|la|de) feria\b|\bun curso\b|\bde formación|\bdía libre|\bhospital|\b(?:corso|viaggio)\b|\bfiera\b|\bconvegno|\briposo\b|\bum curso\b|\bformação|\bdescanso|\bfeira\b(?! ?-)|\bfolga\b|\bvrij\b|\bcursus\b|\btraining\b|\bwelverdiende|\bop cursus|\bwolne\b|\bszkoleni|\bkonferencj|\btargach|\bwyjazd|\bszpital",
    r"休暇|休業|不在|出張|休み|お休み|育児|産休|入院|年末年始|外出|定休|休診",
)  # fmt: skip
# Thanks as a subject, and what is promised below them: together an acknowledgement.
THANKS = _any(
    r"^\W*(?:thank(?:s| you)|many thanks)\b|^\W*(?:we(?:'ve| have)? )?(?:received|got)\b|\b(?:has been|was|were) (?:received|registered|created|opened)\b|\b(?:ticket|case|request|enquiry|inquiry)\b.{0,20}(?:created|opened|received|registered|#?\d{3})",
    r"^\W*(?:vielen |herzlichen )?dank\b|\bist (?:bei uns )?eingegangen|\berhalten\b|^\W*(?:nous vous )?(?:remerci|merci)|\b(?:bien )?reçue?\b|^\W*(?:muchas )?gracias|\brecibid[oa]\b|^\W*grazie|\bricevut[oa]\b|^\W*obrigad[oa]|\brecebid[oa]\b|^\W*(?:hartelijk )?(?:be)?dankt?\b|\bontvangen\b"
    r"|^\W*dziękuj|\b(?:otrzyma|przyję|zarejestrowa)\w+|ありがとうございま|受け付け|受付|受領|mailbox (?:is )?(?:unattended|not monitored|unmonitored)",
)
PROMISE = _any(
    r"\b(?:will|'ll|shall) (?:get back|be in touch|reply|respond|answer|contact|review|process|follow up|be with you)|\bwithin (?:\d+|one|two|three|a few|the next)\b|\b(?:opened|created|registered) for you|\b(?:use|fill in) (?:our|the) (?:web ?)?form|\bdo not (?:reply|respond)",
    r"\b(?:melden|kümmern) (?:wir )?uns\b|\bmeldet sich\b|\bbearbeite[nt]?\b|\b(?:be)?antworten (?:wir|ihnen|innerhalb|in kürze)|\bschnellstmöglich|\bkontaktformular|\brépond(?:rons|ra)\b|\breviendrons\b|\btrait(?:erons|ée?)\b|\bsous \d+|\bcontestaremos|\bresponder(?:emos|á)|\bnos pondremos|\batenderemos|\brisponderemo|\bcontatteremo|\bricontatter"
    r"|\bresponderemos|\bentraremos em contac?to|\breageren\b|\bbeantwoorden|\bnemen .{0,20}contact|\bodpowiemy|\bskontaktuj\w+|\bwkrótce|折り返し|ご連絡|ご返信|担当者|automat",
)
_ROBOT = r"(?:robot|\bbot\b|human|real person|spammer|roboter|mensch|humain|humano|persona real|umano|persona reale|robô|człowiek|mens bent|ロボット|人間)"
_CONFIRM = r"(?:confirm|verif|prove|click|bestätig|klick|cliqu|clic\b|conferm|clicc|confirme|bevestig|klik|potwierd|確認|クリック|solve)"
_DELIVER = r"(?:deliver|releas|zustell|zugestellt|freigeb|remis|livr|libér|entreg|liberar|consegn|rilasci|bezorg|aflever|vrijgev|dostarcz|配信|届)"
_ACT = r"(?:click|reply to this|respond to this|klick|antworten|cliqu|répond|respond|haga clic|pulse|risp|clicc|klik|beantwoord|kliknij|odpowied|返信|クリック)"
_SPAM = r"(?:anti-?spam|spam (?:protection|filter|blocker)|spamschutz|spamfilter|filtro antispam|antyspam|スパム)"
PROOF = _any(rf"{_ROBOT}[^\n]{{0,120}}{_CONFIRM}|{_CONFIRM}[^\n]{{0,120}}{_ROBOT}")
_GUARD = _any(
    r"spam ?arrest|\bboxbe\b|\bwhite ?list|\ballow ?list|\bcaptcha\b|\bpuzzle\b|sender verification|approved sender|(?:get through|reach(?:es)?)(?: to)? me\b.{0,60}(?:click|answer|solve|reply)|before your (?:mail|message|e-?mail) (?:reaches|is delivered)"
    r"|damit ihre (?:nachricht|mail|e-?mail) .{0,40}(?:ankommt|zugestellt|erreicht)|(?:protegid|protett|protég|geschützt|beveiligd)\w* (?:contra|da|contre|vor|tegen) (?:el |lo |le |de )?(?:spam|correo)"
)
CHALLENGE = _any(
    _GUARD.pattern,
    rf"{_ROBOT}[^\n]{{0,120}}{_CONFIRM}|{_CONFIRM}[^\n]{{0,120}}{_ROBOT}",
    rf"{_DELIVER}[^\n]{{0,100}}{_ACT}|{_ACT}[^\n]{{0,100}}{_DELIVER}",
    rf"{_SPAM}[^\n]{{0,120}}(?:{_ACT}|{_CONFIRM})|(?:{_ACT}|{_CONFIRM})[^\n]{{0,120}}{_SPAM}",
)
