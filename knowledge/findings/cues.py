"""Words that decide whether a finding is there, how sure the report is, and how far such a word reaches.

In the tradition of NegEx (Chapman et al. 2001, doi:10.1006/jbin.2001.1029) and ConText (Harkema et al. 2009,
doi:10.1016/j.jbi.2009.05.002): trigger terms before and after a finding, pseudo-triggers that look like one and
are none, and terms that end a trigger's reach. Phrases are parted by ";", "/" gives alternatives for one word.
"""

from knowledge.findings.finding import Course, Severity

NEGATION = """
no; without; not; negative for; free of; clear of; absence of; absent; lack of; lacks; denies; never; neither;
nor; no evidence of/for; no sign of; no indication of; no radiographic evidence of; without evidence of; devoid
of; none; failed to reveal; fails to reveal; no longer any; resolution of; removal of; unlikely; rather than;
resolved; no visible; no change of; no definite; no significant; no overt; no convincing; no suggestion of;
no suspicious; nothing to suggest; exclusion of
"""
NEGATION_AFTER = """
is/are/was/were absent; absent; not
seen/identified/visualized/visualised/appreciated/present/demonstrated/evident/noted/detected/shown/observed/apparent;
not found;
has/have resolved; have/has been excluded/removed; was/were removed; ruled out; is/are excluded; no longer;
resolved; is/are unlikely; is negative; not definitely seen/identified; has cleared; not clearly
seen/identified/visualized; nonvisualized; removed; none
"""
PSEUDO_NEGATION = """
no change; no interval change; no significant change; no significant interval change; no increase; no further; no
appreciable change; not changed; not significantly changed; not appreciably changed; without change; without
significant change; without interval change; not only; no new change; not extend; not necessarily; no interval
worsening; no worsening; no improvement; no definite change; no other; not well evaluated; no major change; not
entirely; no prior; no previous; no comparison; no priors; not excluded; not ruled out; cannot be excluded; not
completely; not optimally; not fully; no substantial change; no progression; not progressed
"""
UNCERTAIN_CLAUSE = """
may; might; could; may be/represent/reflect; could represent/be/reflect; can be; suggest; suggestive of; suggesting;
suggestion of; suspicious for; suspicion of; concerning for; concern for; worrisome for; question of; cannot exclude;
cannot rule out; can not exclude; not exclude; differential; consider; considerations include; versus; possibly;
potentially; presumably; presumed; suspected; suspect; favor; favored; favoring; perhaps; likely; most likely;
probably; raise the possibility of; raises the question of; appears to represent; thought to represent; felt to be;
indeterminate for; equivocal for; to exclude the possibility of; questioned
"""
UNCERTAIN_NEAR = "possible; probable; likely; questionable; potential; equivocal; apparent; suspected; presumed; query"
UNCERTAIN_AFTER = """
not excluded; not ruled out; cannot be excluded; can not be excluded; not entirely/completely/definitively excluded;
is/are possible; is/are likely; is/are suspected; is/are questioned; is/are considered; less likely;
would be difficult to exclude; is in the differential; may be present; is a consideration; difficult to exclude
"""
NOT_ASSERTED = """
rule out; to exclude; exclude; to evaluate; evaluate for; evaluation for/of; assess for; history of; indication;
recommend; recommended; recommendation; is advised; would be helpful; may be helpful; is suggested; follow up for;
please; in the setting of history; risk of; screening for; status of; correlate for; ask for; should be considered
for; consider ct/mri/dedicated/further/chest/repeat/followup/pa/obtaining/short; for further; helpful for/to/in;
if; whether; to determine
"""
TERMINATORS = """
but; however; although; though; except; aside from; apart from; other than; which; whereas; while; yet; there is;
there are; there was; there were; there has; there have; nevertheless; because; since;
with the exception of; despite; again seen is; noted is; superimposed on; related to
"""
LINKS = ", and or with without nor / versus as plus along & including + ( )"
"""Words and marks between the members of a list or the parts of a clause."""


COPULAS = frozenset("is are was were appear appears remain remains has have demonstrate show".split())

SIDES = {
    "left": "left; lt; left sided; leftward; levo",
    "right": "right; rt; right sided; rightward; dextro",
    "both": """bilateral; bilaterally; both; bibasilar; biapical; bibasal; bihilar; bilat; right and left;
        left and right; right or left; left or right; each; either; on either side; on both side""",
    "left more than right": "left greater/more/larger/worse/bigger than right; left > right",
    "right more than left": "right greater/more/larger/worse/bigger than left; right > left",
    "left less than right": "left less/smaller than right; left < right",
    "right less than left": "right less/smaller than left; right < left",
    "right to left": "right to left",
    "left to right": "left to right",
}
SEVERITIES = {
    Severity.BORDERLINE: "borderline; borderline in size; mildly borderline",
    Severity.MILD: """mild; mildly; minimal; minimally; slight; slightly; small; tiny; trace; subtle; minor; little;
        small sized; faint; low grade; trivial; mild degree; minute; modest""",
    Severity.MODERATE: "moderate; moderately; moderate sized; medium; intermediate",
    Severity.SEVERE: """severe; severely; large; marked; markedly; massive; extensive; gross; advanced; huge; extremely;
        substantial; large sized; profound; very large; pronounced; sizable; considerable;
        tense""",
}
COURSES = {
    Course.NEW: "new; newly; interval development; developed; interval appearance; developing; interval placement",
    Course.WORSE: """worse; worsened; worsening; increased; increasing; progressed; progression; progressive; enlarging;
        interval increase; increase; more prominent than""",
    Course.STABLE: """stable; unchanged; persistent; similar; again seen; again noted; redemonstrated; redemonstration;
        constant; persists; no change; no interval change; not changed; no significant change; grossly unchanged;
        no significant interval change; not significantly changed; without change; remains; remain; as before;
        continued; no appreciable change; stability; without interval change; without significant change""",
    Course.BETTER: "improved; improving; improvement; better; decreased; decreasing; interval decrease; diminished; "
    "clearing; partially resolved; resolving; decrease; reduced",
}
NORMAL = """
normal; unremarkable; within normal limits; within normal limit; intact; clear; normally aerated; well aerated; in
normal limits; within limits of normal; midline; patent; well expanded; normally inflated; well inflated; normally
expanded; not remarkable; preserved; normal in size; normal size; normal sized; nondilated; non dilated; wnl;
satisfactory; normally; without abnormality; within expected limits; nl; appropriate; not unusual; fully expanded;
negative; sharp; well maintained; not enlarged; not dilated; not widened; not prominent; no enlargement;
nonenlarged; non enlarged; maintained; adequate; well ventilated; adequately inflated; adequately expanded;
symmetrically aerated; aerated; expanded
"""
"""Say that the structure beside them has nothing wrong."""

UPPER_NORMAL = """
upper limit of normal; upper normal; top normal; top limit of normal; high normal; upper limit; at the upper limit
of normal; upper range of normal; top normal limit; near top normal; near top normal limit; near upper limit of
normal; top of normal; at top limit of normal; high limit of normal; upper limit normal; slightly upper normal;
upper limit of normal size; near the upper limit of normal; within upper limit of normal
"""
"""Normal still, but at its border."""
