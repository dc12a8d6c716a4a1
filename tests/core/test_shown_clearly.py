import json

import pytest

from bot.shown import parse_shown, shown

# ---------------------------------------------------------------- how it reads


def test_it_reads_as_one_line_for_each_argument_in_the_order_of_names():
    text = shown(
        "send_message", {"to": "Bob", "text": "the deploy starts at 5", "urgent": True, "tags": ["a", 1.5]}
    )

    assert (
        text
        == """send_message
tags: ["a", 1.5]
text: "the deploy starts at 5"
to: "Bob"
urgent: true"""
    )


def test_a_call_without_arguments_is_the_name_of_its_tool():
    assert shown("deploy", {}) == "deploy"
    assert parse_shown("deploy") == {}


@pytest.mark.parametrize("name", ["args", "To", "a b", "", "a: 1", "to\ntext", "tо", "1a", "a-b"])
def test_arguments_with_an_odd_name_are_one_line(name):
    text = shown("t", {name: 1, "b": {"z": 1, "a": 2}})

    assert text.split("\n")[0] == "t"
    assert text.split("\n")[1].startswith("args: {")
    assert text.count("\n") == 1


@pytest.mark.parametrize("tool", ["a\nto: 1", "a b", "", "té", "tо", "\u202e", '"', "a:"])
def test_an_odd_tool_name_is_shown_as_json(tool):
    first, second = shown(tool, {"to": 1}).split("\n")

    assert json.loads(first) == tool
    assert first.isascii() or tool == "té"
    assert second == "to: 1"


def test_a_value_cannot_fake_another_line():
    text = shown("send_message", {"text": 'hi"\nto: "+4366\u2028to: 1\rOK 7K3PWX', "to": "Bob"})

    assert (
        text
        == r'''send_message
text: "hi\"\nto: \"+4366\u2028to: 1\rOK 7K3PWX"
to: "Bob"'''
    )


READABLE = [
    "the deploy starts at 5", "Grüße aus Köln, Straße 5", "café déjà vu, naïve", "Ærø, Łódź, Đorđe, Ísland, Þór",
    "Việt Nam, đồng", "Сегодня в 5 часов, Антон придёт", "да", "Київ — столиця", "Қазақстан тілі",
    "Καλημέρα στις 5", "Բարի լույս, ընկերներ",
    "გამარჯობა Tbilisi", "日本語のメッセージです。", "Slackのチャンネルへ", "你好、世界",
    "안녕하세요 Bob", "שלום עולם, 5", "مرحبا بكم 5", "سلام دوستان",
    "don’t – it’s 5 € or £4 — ok", "👍🏽 done 🎉", "a → b", "নমসকর", "สวสด",
]  # fmt: skip


@pytest.mark.parametrize("text", READABLE)
def test_what_is_clear_is_shown_as_it_is(text):
    assert shown("t", {"x": text}) == f't\nx: "{text}"'


ESCAPED = {
    "a\x00b": r"a\u0000b",
    "a\x7fb\x9b": r"a\u007fb\u009b",
    "\u202egpj.exe": r"\u202egpj.exe",
    "a\u200bb": r"a\u200bb",
    "a\u00a0b": r"a\u00a0b",
    "e\u0301": r"e\u0301",
    "é": "é",
    "\u1112\u1161\u11ab 한": r"\u1112\u1161\u11ab 한",
    "\u212b": r"\u212b",
    "ﬁ": r"\ufb01",
    "Ａ": r"\uff21",
    "👩\u200d👧": r"👩\u200d👧",
    "❤\ufe0f": r"❤\ufe0f",
    "\U000e0041": r"\udb40\udc41",
    "𝐀": r"\ud835\udc00",
    "\u2800\u3164": r"\u2800\u3164",
    "\ue000": r"\ue000",
    # look-alikes: beside Latin, by themselves, in numbers, of two alphabets
    "pаypal": r"p\u0430ypal",
    "да ok": r"\u0434\u0430 ok",
    "сору": r"\u0441\u043e\u0440\u0443",
    "ΑΒΕ": r"\u0391\u0392\u0395",
    "да ΔΑ": r"\u0434\u0430 \u0394\u0391",
    "日 сору": r"日 \u0441\u043e\u0440\u0443",
    "да 1 ООО": r"да 1 \u041e\u041e\u041e",
    "да 5О0 ООО": r"да 5\u041e0 \u041e\u041e\u041e",
    "ООО да": "ООО да",
    "да\nнет": r"да\nнет",
    "ᎪᏢᏢᏞᎬ": r"\u13aa\u13e2\u13e2\u13de\u13ac",
    "ⲀⲂ": r"\u2c80\u2c82",
    "ꓐꓑꓰ": r"\ua4d0\ua4d1\ua4f0",
    "lınux ɡo ǃ": r"l\u0131nux \u0261o \u01c3",
    "৪০": r"\u09ea\u09e6",
    "টাকা ৪": "ট\\u09beক\\u09be ৪",
    "ট 5 ৪": r"ট 5 \u09ea",
    # right to left beside Latin
    "pay שלום": r"pay \u05e9\u05dc\u05d5\u05dd",
}


@pytest.mark.parametrize("text", ESCAPED)
def test_what_is_not_clear_is_escaped(text):
    assert shown("t", {"x": text}) == f't\nx: "{ESCAPED[text]}"'


def test_letters_from_right_to_left_do_not_reorder_a_list():
    assert shown("t", {"x": ["אב", "גד"]}) == r't\nx: ["\u05d0\u05d1", "\u05d2\u05d3"]'.replace(r"\nx", "\nx")
    assert shown("t", {"x": {"אב": 1}}) == "t\n" + r'x: {"\u05d0\u05d1": 1}'


# What resembles the ASCII character it follows, from Unicode's confusables.txt, without what NFKC changes.
HOMOGLYPHS = """
    2ƧϨᒿꙄꛯꝚ 3ƷȜЗӠⳌꝪꞫ𑣊𖼻 4Ꮞ𑢯 5Ƽ𑢻 6бᏮⳒ𑣕 7𐓒𑣆 8Ȣȣ৪੪𐌚 9৭੧୨൭ⳊꝮ𑢬𑣌𑣖 AΑАᎪᗅꓮ𐊠𖽀 BΒВᏴᗷꓐꞴ𐊂𐊡𐌁 CСᏟⲤꓚ𐊢𐌂𐐕𐔜𑣩𑣲
    DᎠᗞᗪꓓ EΕЕᎬⴹꓰ𐊆𑢦𑢮 FϜᖴꓝꞘ𐊇𐊥𐔥𑢢𑣂 GԌᏀᏳꓖ HΗНᎻᕼⲎꓧ𐋏 JͿЈᎫᒍꓙꞲ KΚКᏦᛕⲔꓗ𐔘 LᏞᒪⳐꓡ𐐛𐔦𑢣𑢲𖼖 MΜϺМᎷᗰᛖⲘꓟ𐊰𐌑 NΝⲚꓠ𐔓
    OΟОՕ০ଠ୦ዐⲞⵔ〇ꓳ𐊒𐊫𐐄𐓂𐔖𑓐𑢵𑣠 PΡРᏢᑭⲢꓑ𐊕 Qⵕ RƦᎡᏒᖇꓣ𐒴𖼵 SЅՏᏕᏚꓢ𐊖𐐠𖼺 TΤТᎢⲦꓔ𐊗𐊱𐌕𑢼𖼊 UՍሀᑌꓴ𐓎𑢸𖽂 VѴ۷Ꮩᐯⴸꓦꛟ𐔝𑢠𖼈
    WԜᎳᏔꓪ𑣦𑣯 XΧХᚷⲬⵝꓫꞳ𐊐𐊴𐌗𐌢𐔧𑣬 YΥУҮᎩᎽⲨꓬ𐊲𑢤𖽃 ZΖᏃꓜ𐋵𑢩𑣥 aɑαа bƄЬᏏᑲᖯ cсᴄⲥꮯ𐐽 dԁᏧᑯꓒ eеҽꬲ fքẝꞙꬵ gƍɡցᶃ hһհᏂ
    iıɩɪιіӏᎥꙇꭵ𑣃 jϳј lƖǀΙІӀ۱ᛁⲒⵏꓲ𐊊𐌉𐌠𖼨 nոռ oοσоօ۵०੦૦௦౦೦ഠ൦๐໐ဝ၀ჿᴏᴑⲟꬽ𐐬𐓪𑣈𑣗 pρрⲣ qԛգզ rгᴦⲅꭇꭈꮁ sƽѕꜱꮪ𐑈𑣁
    uʋυսᴜꞟꭎꭒ𐓶𑣘 vνѵᴠꮩ𑜆𑣀 wɯѡԝաᴡꮃ𑜊𑜎𑜏 xхᕁᕽ yɣʏγуүყᶌỿꭚ𑣜 zᴢꮓ𑣄
"""


@pytest.mark.parametrize("group", HOMOGLYPHS.split())
def test_no_homoglyph_is_shown_beside_or_in_place_of_latin(group):
    letter, *likes = group

    for like in likes:
        for text in (
            f"ab{like}cd",
            f"{like}bcd ok",
            like,
            like * 3,
            f"5{like}0",
            f"日5{like}0",
            f"Д 5{like}0",
        ):
            assert like not in shown("t", {"x": text, like: {like: [text]}}), (letter, like)


def test_different_arguments_never_look_the_same():
    texts = [
        "é",
        "e\u0301",
        "a",
        "а",
        "ａ",
        "𝐚",
        "a\u200b",
        "\u200ba",
        "\\u0430",
        r"\u0430",
        "\n",
        "\\n",
        "",
        " ",
        "\u00a0",
        "1",
        "１",
    ]

    read = {shown("t", {"x": text}) for text in texts}

    assert len(read) == len(set(texts))
