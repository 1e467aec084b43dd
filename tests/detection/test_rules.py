"""What one utterance shows, and what it does not: snippets of our own, in both languages."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.detection.detector import load_detector
from ringfence.detection.rules import Heard
from ringfence.model.calls import Party

pytestmark = pytest.mark.unit

CALLER, PROTECTED = Party.REMOTE, Party.SUBSCRIBER
SHOWN = 0.35


def read(text: str, party: Party = CALLER) -> Heard:
    return load_detector().book.read(text, party)


def codes(text: str, party: Party = CALLER) -> set[str]:
    return {hit.code for hit in read(text, party).hits if hit.strength >= SHOWN}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Good morning, I'm calling from the fraud department at your bank", "claims_bank"),
        ("hello this is card services calling about your credit card", "claims_bank"),
        ("this is officer dale with the county sheriff's office", "claims_authority"),
        ("My name is Sam and I'm calling from the Social Security Administration", "claims_authority"),
        ("hi this is kevin from windows technical support", "claims_tech_support"),
        ("grandma it's me, don't you recognise my voice", "claims_relative"),
        ("we noticed some suspicious activity on the account", "account_trouble"),
        ("somebody is trying to withdraw money from your account as we speak", "account_trouble"),
        ("your computer has been infected with a very dangerous virus", "device_trouble"),
        ("there's a warrant out for your arrest", "legal_trouble"),
        ("your social security number was used for money laundering", "legal_trouble"),
        ("a package with your name on it is being held at customs", "parcel_trouble"),
        ("the electricity at your address will be cut off in thirty minutes", "service_cutoff"),
        ("your antivirus subscription will auto renew and be charged today", "renewal_charge"),
        ("I was in a car accident and they put me in jail", "relative_trouble"),
        ("this is my new number, I dropped my phone in the sink", "new_number"),
        ("congratulations you have won the grand prize", "bait_prize"),
        ("we are going to process your refund over the phone", "bait_refund"),
        ("we can lower your interest rate to zero percent", "bait_money"),
        ("you typed it wrong, we sent you too much, please send back the difference", "overpayment"),
        ("you have to do it right now, within the next ten minutes", "urgency"),
        ("otherwise the police will be at your door and you will be arrested", "threat"),
        ("whatever you do, do not hang up", "stay_on_line"),
        ("stay on the phone with me while you drive", "stay_on_line"),
        ("do not tell your husband or anyone at the bank about this", "secrecy"),
        ("let's keep this between us", "secrecy"),
        ("if the cashier asks, just say it's for a home renovation", "coached_lie"),
        ("please write down this badge number", "verification_theatre"),
        ("press one now to speak with a representative", "press_key"),
        ("can you read me the six digit code we just texted you", "asks_code"),
        ("you'll get a text message in a second, tell me what it says", "asks_code"),
        ("i need you to tell me your pin number", "asks_pin"),
        ("what is the password for your online banking", "asks_password"),
        ("go ahead and read me the long number on the front of your card", "asks_card"),
        ("and the three digits on the back", "asks_card"),
        ("can you confirm your date of birth for me", "asks_identity"),
        ("give me your bank account number and routing number", "asks_account"),
        ("could you wire me two thousand dollars", "asks_money"),
        ("I'm texting you a link, please click on the link", "sends_link"),
        ("go to the store and buy five google play gift cards", "pays_gift_card"),
        ("scratch off the back and read me the numbers", "pays_gift_card"),
        ("you will deposit the cash at a bitcoin machine", "pays_crypto"),
        ("we need to move your money into a safe account", "safe_account"),
        ("a courier will come by your house to pick up the cash", "cash_courier"),
        ("there is only a small processing fee before we release it", "advance_fee"),
        ("please download any desk on your computer", "remote_access"),
        ("press the windows key and the letter r", "remote_access"),
        ("Buenas tardes, le llamo del departamento de fraudes de su banco", "claims_bank"),
        ("le habla el comandante Rojas de la fiscalía", "claims_authority"),
        ("me comunico de la policía de investigaciones", "claims_authority"),
        ("soy del soporte técnico de Microsoft", "claims_tech_support"),
        ("abuelita soy yo, ¿no me reconoces?", "claims_relative"),
        ("adivina quién habla", "claims_relative"),
        ("detectamos una compra sospechosa con su tarjeta", "account_trouble"),
        ("alguien está intentando retirar dinero de su cuenta", "account_trouble"),
        ("su computadora tiene un virus muy peligroso", "device_trouble"),
        ("hay una orden de aprehensión en su contra", "legal_trouble"),
        ("su paquete quedó retenido en la aduana", "parcel_trouble"),
        ("vamos a cortar el servicio de luz en media hora", "service_cutoff"),
        ("tuve un accidente y me detuvieron", "relative_trouble"),
        ("este es mi nuevo número, perdí el celular", "new_number"),
        ("felicidades, usted ganó el premio mayor del sorteo", "bait_prize"),
        ("le corresponde una devolución de impuestos", "bait_refund"),
        ("tiene un crédito preaprobado sin buró", "bait_money"),
        ("tiene que hacerlo ahora mismo, es urgente", "urgency"),
        ("de lo contrario va a ir a la cárcel", "threat"),
        ("no me cuelgue por favor, quédese en la línea conmigo", "stay_on_line"),
        ("no le diga nada a nadie, ni a su familia", "secrecy"),
        ("esto queda entre nosotros", "secrecy"),
        ("si le preguntan en el banco diga que es para una remodelación", "coached_lie"),
        ("anote el número de expediente", "verification_theatre"),
        ("marque uno para hablar con un asesor", "press_key"),
        ("dígame por favor el código que le llegó por mensaje", "asks_code"),
        ("le va a llegar un código, me lo dicta por favor", "asks_code"),
        ("necesito que me confirme su clave dinámica", "asks_code"),
        ("¿me puede dar el pin de su tarjeta?", "asks_pin"),
        ("dame tu usuario y contraseña", "asks_password"),
        ("dícteme el número de su tarjeta y la fecha de vencimiento", "asks_card"),
        ("confírmeme su fecha de nacimiento", "asks_identity"),
        ("necesito su RUT y el número de cuenta", "asks_account"),
        ("mándame la plata hoy, necesito dos mil pesos", "asks_money"),
        ("compre tarjetas de Google Play en la tienda", "pays_gift_card"),
        ("tiene que depositar en bitcoin", "pays_crypto"),
        ("vamos a pasar su dinero a una cuenta segura", "safe_account"),
        ("un mensajero pasará por su casa a retirar la tarjeta", "cash_courier"),
        ("tiene que pagar los gastos de envío antes de recibir el premio", "advance_fee"),
        ("descargue la aplicación AnyDesk", "remote_access"),
    ],
)
def test_a_tactic_is_found(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    "text",
    [
        "the bank will never ask for your code or your pin",
        "we never ask you to read out a code",
        "I don't need your card number",
        "please don't give me your password",
        "no need to tell me your pin",
        "my friend got a call where they asked her to buy gift cards and read the numbers out",
        "there was a story on the news about a man who was told to move his money to a safe account",
        "they told me to download anydesk but I hung up",
        "nunca le pedimos su clave ni el código",
        "el banco no le va a pedir la contraseña",
        "a mi vecina la llamaron y le dijeron que comprara tarjetas de regalo",
        "no me dé el código, no lo necesito",
        "en las noticias dijeron que piden pasar el dinero a una cuenta segura",
    ],
)
def test_what_is_denied_or_told_of_others_is_no_demand(text: str) -> None:
    tactics = load_detector().book.tactics
    assert {code for code in codes(text) if tactics[code].hard} == set()


@pytest.mark.parametrize(
    "text",
    [
        "don't hang up and read me the code",
        "I don't want to scare you, but read me the code",
        "no cuelgue y dígame el código que le llegó",
        "not the card number, just read me the code",
    ],
)
def test_a_denial_reaches_no_further_than_what_it_denies(text: str) -> None:
    assert "asks_code" in codes(text)


@pytest.mark.parametrize(
    "text",
    [
        "Your prescription is ready to be picked up at the counter",
        "Hi, it's the dentist, I wanted to remind you of the appointment on Tuesday at three",
        "the zip code please, so that I can find the nearest store",
        "I bought her a gift card for her birthday, she will love it",
        "we had such a lovely time, say hello to the kids",
        "could you pick up some milk on the way home",
        "our technician can come on Thursday between ten and twelve",
        "Su receta está lista, puede pasar a buscarla cuando guste",
        "le recuerdo su hora con el doctor mañana a las diez",
        "el repartidor pasa entre las tres y las cinco",
        "¿qué tal estuvo la fiesta de tu hermana?",
        "compré los tomates y el pan, nos vemos en la noche",
    ],
)
def test_everyday_talk_shows_no_demand_and_no_pressure(text: str) -> None:
    tactics = load_detector().book.tactics
    assert {code for code in codes(text) if tactics[code].hard or tactics[code].group == "isolation"} == set()


def test_the_words_are_quoted_as_they_stand_in_the_text() -> None:
    text = "Okay, so: READ me the, um, 6-digit CODE!"
    (hit,) = [hit for hit in read(text).hits if hit.code == "asks_code"]
    assert text[hit.start :].startswith(hit.words)
    assert hit.words.startswith("READ me")


@pytest.mark.parametrize(
    "text",
    [
        "read me uh the the six digit the code",
        "reed me the code could you tell me the code",
        "lets you you need to download uh any desk okay",
        "digame eh el el codigo que le que le llego",
    ],
)
def test_stumbling_and_misheard_words_do_not_hide_a_demand(text: str) -> None:
    assert codes(text) & {"asks_code", "remote_access"}


def test_the_other_side_repeating_a_demand_counts_for_less() -> None:
    text = "you want me to tell you the code?"
    spoken = {hit.code: hit.strength for hit in read("tell me the code", CALLER).hits}
    echoed = {hit.code: hit.strength for hit in read("tell me the code", PROTECTED).hits}
    assert echoed["asks_code"] < SHOWN < spoken["asks_code"]
    assert "asks_code" not in codes(text, PROTECTED)


def test_both_languages_are_heard_whatever_the_line_speaks() -> None:
    mixed = "okay ma'am, dígame el código, read me the pin"
    assert {"asks_code", "asks_pin"} <= codes(mixed)


def test_removed_secrets_are_told_by_their_kind() -> None:
    heard = read("it is [card number] and the code is [security code]", PROTECTED)
    assert heard.placeholders == ("card", "security")


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300), party=st.sampled_from(list(Party)))
def test_no_text_makes_it_stumble_and_every_quote_is_in_the_text(text: str, party: Party) -> None:
    for hit in read(text, party).hits:
        assert hit.words in text


def test_an_utterance_costs_little() -> None:
    text = (
        "Hello, this is Mark from the fraud team of your bank, could you please read me the code we sent you?"
    )
    read(text)
    times = []
    for _ in range(400):
        start = time.perf_counter()
        read(text)
        times.append(time.perf_counter() - start)
    # The goal is 100 µs; a machine under load gets room.
    assert sorted(times)[len(times) // 2] < 400e-6
