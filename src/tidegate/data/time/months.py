"""Names of months in the languages that exports come in: a name, or the beginning of one, is a month or none."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_SPOKEN = (
    "january february march april may june july august september october november december",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "janner feber maerz april mai juni juli august september oktober november dezember",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "enero febrero marzo abril mayo junio julio agosto setiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "januari februari mrt april maj juni juli augusti september oktober november december",
    "januar februar marts april maj juni juli august september oktober november december",
    "januar februar mars april mai juni juli august september oktober november desember",
    "styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik listopad grudzien",
    "ocak subat mart nisan mayıs haziran temmuz agustos eylul ekim kasım aralık",
    "ocak subat mart nisan mayis haziran temmuz agustos eylul ekim kasim aralik",
    "январь февраль март апрель маи июнь июль август сентябрь октябрь ноябрь декабрь",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia",
)
_VIETNAMESE = re.compile(r"(?:ngày )?(\d{1,2}) tháng (\d{1,2}),? (?:năm )?(\d{4})")
_NAMES = [(name, i + 1) for line in _SPOKEN for i, name in enumerate(line.split())]

_THAI = "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม".split()  # noqa: SIM905
_THAI_SHORT = "ม.ค. ก.พ. มี.ค. เม.ย. พ.ค. มิ.ย. ก.ค. ส.ค. ก.ย. ต.ค. พ.ย. ธ.ค.".split()  # noqa: SIM905


def in_english(cell: str) -> str:
    """A cell with months that are written with signs between letters, as in Thai and Vietnamese, in English."""
    names = _SPOKEN[0].split()
    for i in range(12):
        for word in (_THAI[i], _THAI_SHORT[i], _THAI_SHORT[i].rstrip(".")):
            if word in cell:
                return cell.replace(word, names[i])
    spoken = _VIETNAMESE.fullmatch(cell)
    return cell if spoken is None else f"{spoken[3]}-{spoken[2]}-{spoken[1]}"


@cache
def month_of(word: str) -> int:
    """The month, 1 to 12, that a name or its beginning (three letters or more) stands for in one of the languages; 0
    where it is none, or several."""
    plain = unicodedata.normalize("NFKD", word.lower().rstrip("."))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if len(plain) < 3:
        return 0
    exact = {month for name, month in _NAMES if name == plain}
    found = exact or {month for name, month in _NAMES if name.startswith(plain)}
    return found.pop() if len(found) == 1 else 0
