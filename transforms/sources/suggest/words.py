"""Names of fields, and words for roles, tiers and surfaces, in the languages of common schemas."""

from __future__ import annotations

import re
import unicodedata

from schemas.mapped.values import SURFACES, TIERS
from schemas.records import Role
from transforms.sources.mapped.values import ROLE_WORDS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def tokens(name: str) -> list[str]:
    """The words in a name, in lower case and without accents: kunden, id for kundenId."""
    bare = unicodedata.normalize("NFD", name)
    bare = "".join(sign for sign in bare if unicodedata.category(sign) != "Mn").replace("ß", "ss")
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+", bare)]


#: Words for roles in lower case; more than a run knows without `values`.
ROLES: dict[str, Role] = {
    **dict.fromkeys(
        "customer client kunde kundin nutzer nutzerin benutzer anwender utilisateur usuario "
        "usuaria usuário cliente utente visitor guest caller member patient student użytkownik "
        "klient gebruiker klant användare kund bruger käyttäjä пользователь клиент 用户 用戶 客户 "
        "ユーザー 사용자 prompt question requester enduser end_user end-user in inbound incoming".split(),
        "user",
    ),
    **dict.fromkeys(
        "agent asistente assistente assistent assistentin assistant(e) asystent modelo modell "
        "modele chatbot llm ki ia robot berater beraterin advisor ассистент бот модель 助手 机器人 "
        "アシスタント 어시스턴트 completion response answer reply responder out outbound outgoing copilot "
        "gemini llama mistral".split(),
        "assistant",
    ),
    **dict.fromkeys(
        "sistema sistem systeme système систему система 系统 システム instruction instructions".split(),
        "system",
    ),
    **dict.fromkeys(
        "werkzeug outil herramienta strumento ferramenta 工具 tool_result api_result".split(), "tool"
    ),
    **ROLE_WORDS,
}
#: Words for tiers in lower case, without a decision which tier they are, and those of the policies.
OTHER_TIERS = _words(
    "plus premium paid basic starter standard business individual personal unlimited gold "
    "silver platinum trial kostenlos gratis gratuit gratuito bezahlt payant edu student "
    "school government corporate developer"
)
TIER_WORDS = frozenset(TIERS) | OTHER_TIERS
SURFACE_WORDS = frozenset(SURFACES) | _words("web mobile ios android desktop app slack cli ide widget")

ID = _words(
    "id ids uid uuid guid key nr no num number hash ref code kennung nummer identifiant identificador"
)
CONVERSATION = _words(
    "conversation conversations conversacion conversa conversazione conv session sessions "
    "sid sitzung sesion sessione seance sessao chat dialog dialogue dialogo gesprach "
    "gesprachs gespraech gespraechs transcript unterhaltung thread verlauf ticket room case 会话 会話 对话"
)
USER = _words(
    "caller user users usr uid nutzer benutzer kunde kunden customer client cliente utilisateur "
    "usuario utente account acct member person owner requester visitor contact benutzername username "
    "login email 用户"
)
ORGANIZATION = _words(
    "org organization organisation organizacion tenant company workspace firma mandant entreprise empresa"
)
TIER = _words(
    "tier plan subscription abo tarif abonnement forfait plano piano suscripcion paket package license"
)
SURFACE = _words(
    "surface channel kanal canal platform plattform product produkt source quelle origin interface"
)
CREATED = _words(
    "created create start started begin began beginn opened erstellt angelegt gestartet "
    "creado criado cree creation inizio date datum fecha data time timestamp timestamps ts "
    "zeit zeitpunkt zeitstempel hora heure at when utc t epoch"
)
DELETED = _words("deleted removed geloscht supprime eliminado")
ROLE = _words(
    "role rol rolle ruolo papel speaker sprecher author autor from sender absender sent who "
    "wer party side participant actor type kind direction locutor emisor remetente is"
)
CONTENT = _words(
    "content contents text texts message msg body value utterance inhalt nachricht contenu "
    "texte contenido texto mensaje mensagem conteudo testo messaggio parts said 内容 文本"
)
MESSAGES = _words(
    "messages message turns turn conversation conversations dialog dialogue history chat "
    "exchanges utterances nachrichten verlauf mensajes mensagens messaggi log transcript "
    "events interactions entries 消息"
)
PROMPT = _words(
    "prompt question query request input instruction user human frage anfrage eingabe "
    "pregunta demande pergunta q"
)
ANSWER = _words(
    "response answer completion output reply assistant bot generation antwort ausgabe "
    "respuesta reponse resposta a"
)
#: Names of what comes before a list of messages, and of lists whose elements exclude each other.
OPENING = _words("source input inputs request prompt question query first initial opening system")
ALTERNATIVES = _words("choices generations candidates completions alternatives outputs")
MESSAGE_ID = _words("message msg turn nachricht mensaje")
