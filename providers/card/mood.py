"""Tells sober words and lively ones from others, in many languages.  Pure."""

from __future__ import annotations

import re

from providers.card.colour import Mood

#: Stems of mourning, of an end and of closed doors, with the emoji of mourning.
_SOBER = re.compile(
    r"🕊|🖤|😢|😔|🙏🏻?\s*$|⚰|⚫|condol|mourn|bereave|passing of|passed away|passes away"
    r"|funeral|obituar|in memor|in loving memory|rest in peace|great sadness"
    r"|heavy heart"
    r"|\bwe (?:are|will be|re) (?:permanently )?clos|closed (?:today|due|until|from)"
    r"|clos(?:ed|ing) (?:down|our doors|permanently)|storm warning|power outage"
    r"|trauer|beileid|verstorben|verstarb|abschied von|im gedenken|\bgeschlossen\b"
    r"|schlie(?:ß|ss)en (?:wir|unser)|wir schlie(?:ß|ss)en|schließung"
    r"|condoléanc|décès|décédé|deuil|obsèques|fermeture|fermé|fermons"
    r"|pésame|condolencia|fallec|\bluto\b|cerrad[oa]|cerramos|cierre"
    r"|pêsames|falec|fechad[oa]|fechamos|encerrad"
    r"|condoglian|\blutto|scompars|chius[oai]\b|chiusura|chiudiamo"
    r"|condoleer|overleden|overlijden|\brouw|gesloten"
    r"|kondolenc|zmarł|żałob|pogrzeb|zamknięt|nieczynn"
    r"|soboleznov|соболезн|скончал|траур|прощани|закрыт|закрыва|співчутт|помер|зачинен"
    r"|συλλυπητ|κηδεία|απεβίωσε|κλειστ|başsağlığı|vefat|kapalıyız|kapalı olac"
    r"|beklag|begravning|avled|stängt|dødsfald|lukket|stengt|suljettu|részvét|zárva"
    r"|închis|condoleanțe|chia buồn|qua đời|đóng cửa|تعاز|عزاء|وفاة|إغلاق|مغلق(?:ون|ة)"
    r"|תנחומ|נפטר|סגור(?:ים|ה)|निधन|श्रद्धांजलि|(?<!अ)शोक|बंद रहेग"
    r"|เสียใจ|ไว้อาลัย|ปิดทำการ|หยุดทำการ"
    r"|休業|閉店|ご逝去|訃報|お悔やみ|暂停营业|停业|歇业|讣告|哀悼|逝世|停業|訃聞|휴업|폐업|부고|애도|별세",
    re.IGNORECASE,
)
_LIVELY = re.compile(
    r"[-−–]?\d{1,2}\s?[%％٪]|🔥|🎉|🥳|🎁|🎊|🤩|💥|⚡|🪅|🎈|\bsale\b|!{2,}|[!！].*[!！].*[!！]"
    r"|\d\s?折",
    re.IGNORECASE | re.DOTALL,
)

#: A line in capitals.
_SHOUTED = re.compile(r"(?m)^[^a-zà-ÿ\n]*[A-ZÀ-Þ]{3,} [^a-zà-ÿ\n]*$")


def find_mood(post: str) -> Mood:
    """Return the mood of a post, which chooses the kind of colours."""
    if _SOBER.search(post):
        return "sober"
    is_lively = _LIVELY.search(post) or _SHOUTED.search(post)
    return "lively" if is_lively else "calm"
