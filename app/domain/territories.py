"""Territories as senders write them, as sorted ISO 3166-1 codes of two letters.

Owns: the table of codes and groups, and its version. Does not own: where the words stand (app/sources/rights.py), what they mean for a
binding (app/domain/rights.py). Next stop: app/sources/rights.py.

Sources: ISO 3166-1 (249 codes) and XK, which is user-assigned; EL and UK as EU institutions write Greece and the United Kingdom; members of
EU, EEA, EFTA and of the euro area (EZ) as of January 2026. Membership changes with time, so the version of this table stands beside every
value that was made with it (leaf rights.territories.table).
"""

import re
from collections.abc import Iterable, Mapping

VERSION = "iso-3166-1 2026-01"

_TABLE = """
AD AND AE ARE AF AFG AG ATG AI AIA AL ALB AM ARM AO AGO AQ ATA AR ARG AS ASM AT AUT AU AUS AW ABW AX ALA AZ AZE
BA BIH BB BRB BD BGD BE BEL BF BFA BG BGR BH BHR BI BDI BJ BEN BL BLM BM BMU BN BRN BO BOL BQ BES BR BRA BS BHS BT BTN BV BVT BW BWA BY BLR
BZ BLZ
CA CAN CC CCK CD COD CF CAF CG COG CH CHE CI CIV CK COK CL CHL CM CMR CN CHN CO COL CR CRI CU CUB CV CPV CW CUW CX CXR CY CYP CZ CZE
DE DEU DJ DJI DK DNK DM DMA DO DOM DZ DZA EC ECU EE EST EG EGY EH ESH ER ERI ES ESP ET ETH FI FIN FJ FJI FK FLK FM FSM FO FRO FR FRA
GA GAB GB GBR GD GRD GE GEO GF GUF GG GGY GH GHA GI GIB GL GRL GM GMB GN GIN GP GLP GQ GNQ GR GRC GS SGS GT GTM GU GUM GW GNB GY GUY
HK HKG HM HMD HN HND HR HRV HT HTI HU HUN ID IDN IE IRL IL ISR IM IMN IN IND IO IOT IQ IRQ IR IRN IS ISL IT ITA JE JEY JM JAM JO JOR JP JPN
KE KEN KG KGZ KH KHM KI KIR KM COM KN KNA KP PRK KR KOR KW KWT KY CYM KZ KAZ LA LAO LB LBN LC LCA LI LIE LK LKA LR LBR LS LSO LT LTU LU LUX
LV LVA LY LBY
MA MAR MC MCO MD MDA ME MNE MF MAF MG MDG MH MHL MK MKD ML MLI MM MMR MN MNG MO MAC MP MNP MQ MTQ MR MRT MS MSR MT MLT MU MUS MV MDV MW MWI
MX MEX MY MYS MZ MOZ
NA NAM NC NCL NE NER NF NFK NG NGA NI NIC NL NLD NO NOR NP NPL NR NRU NU NIU NZ NZL OM OMN
PA PAN PE PER PF PYF PG PNG PH PHL PK PAK PL POL PM SPM PN PCN PR PRI PS PSE PT PRT PW PLW PY PRY QA QAT RE REU RO ROU RS SRB RU RUS RW RWA
SA SAU SB SLB SC SYC SD SDN SE SWE SG SGP SH SHN SI SVN SJ SJM SK SVK SL SLE SM SMR SN SEN SO SOM SR SUR SS SSD ST STP SV SLV SX SXM SY SYR
SZ SWZ
TC TCA TD TCD TF ATF TG TGO TH THA TJ TJK TK TKL TL TLS TM TKM TN TUN TO TON TR TUR TT TTO TV TUV TW TWN TZ TZA
UA UKR UG UGA UM UMI US USA UY URY UZ UZB VA VAT VC VCT VE VEN VG VGB VI VIR VN VNM VU VUT WF WLF WS WSM XK XKX YE YEM YT MYT ZA ZAF ZM ZMB
ZW ZWE
"""
_CODES = _TABLE.split()

ALPHA_3: Mapping[str, str] = dict(zip(_CODES[1::2], _CODES[::2], strict=True))
ALL = frozenset(_CODES[::2])

_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
_EU = frozenset(_MEMBERS.split())
_EFTA = frozenset({"IS", "LI", "NO", "CH"})
GROUPS: Mapping[str, frozenset[str]] = {
    "EU": _EU,
    "EEA": _EU | {"IS", "LI", "NO"},
    "EFTA": _EFTA,
    "EZ": _EU - {"CZ", "DK", "HU", "PL", "RO", "SE"},
    "WORLDWIDE": ALL,
}
_ALIASES: Mapping[str, str] = {"EL": "GR", "UK": "GB"}

# CLDR, IPTC and RightsML name a territory by a URI that ends in its code; RightsML 1.0 wrote `iso3166:CN`. Anything else is no such prefix:
# of `DE/AT` nothing may be left out, least of all where it is denied.
_BEFORE = re.compile(r"^(?:[a-z][a-z0-9+.-]*://\S*|urn:\S*|iso[ _-]?3166\S*)[/#:]", re.IGNORECASE)


def territories(words: Iterable[str]) -> list[str]:
    """The sorted codes that these words stand for together. Raises ValueError for a word that is none, without the word."""
    codes: set[str] = set()
    for word in words:
        said = _BEFORE.sub("", word.strip().rstrip("/"))
        # Beyond ASCII, capitals change what is written: `ß` would be South Sudan.
        name = said.upper() if said.isascii() else ""
        name = _ALIASES.get(name, ALPHA_3.get(name, name))
        if name in ALL:
            codes.add(name)
        elif name in GROUPS:
            codes |= GROUPS[name]
        else:
            raise ValueError(
                "expected territories (ISO 3166-1 codes of two or three letters, EL, UK, EU, EEA, EFTA, EZ, WORLDWIDE), found a word that "
                "is none; add it to `lookup`"
            )
    return sorted(codes)
