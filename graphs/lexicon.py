"""The verifier's word lists: plain data, each small, closed and with the reason for it.

Words are written as they are spoken; `reading_words` turns them into stems. Negation triggers,
pseudo-triggers and terminators follow NegEx (Chapman 2001, doi:10.1006/jbin.2001.1029) and ConText
(Harkema 2009, doi:10.1016/j.jbi.2009.05.002), cut to what reports on images use.
"""

from knowledge.evidence import ANISOTROPIC, NO_SPACING, TRUNCATED

FUNCTION = """
a an the this that these those it its they them their there here and or as at by for from in into of on onto to with
within is are was were be been being am has have had having do does did which who whose what where when while whereas
also both all any some such so thus therefore hence because since if whether than then but however though although yet
only just i we you your our my me us via per about around approximately roughly circa between among through during
after before over under up out will would shall should may might can could must one ones other respectively namely
overall unfortunately x s well etc versus vs
"""
"""Words that carry no fact by themselves. What they relate is read elsewhere (negation, relation, hedge)."""

REPORT = """
image images scan scans study slice slices picture measure measures measured measuring measurement measurements value
values figure size sized amount amounts estimate estimated recorded found shown show shows seen see visible present
identified detected located lie lies lying segmented segmentation outlined mask box region area-marked marked
structure structures target targets interval intervals range ranges ranging uncertainty confidence obtained gives give
given reports report reported following follows result results evidence unit units extend extends span spans covers
contain contains contained side sides patient case axis calculated based according determined has exist exists means
note noted cited rest rests outline outlines basis best occupies occupy column columns row rows separate field view
end ends taken looked searched look search finding findings summary impression
"""
"""The closed vocabulary in which a measurement, mask, region or absence may be told."""

INABILITY_VERBS = """
compare compared comparison judge judged assess assessed assessment determine determined measure measured segment
segmented classify classified say said tell told establish established know known conclude concluded grade graded
evaluate evaluated estimate estimated answer answered state stated give given decide decided locate located interpret
interpreted convert converted express expressed analyse analysed ground grounded do done
"""
"""What a sentence of inability says cannot be done."""

INABILITY_WORDS = """
possible impossible able unable available tool tools meaningful valid reliable reliably directly here instead ask
asked value values reference range ranges limit limits whole size physical adult adults published because normal
abnormal enlarged large small increased reduced question whether image images this works work accepts takes needs
required supports supported handled
"""
"""Words that a supported sentence of inability may use besides those of its evidence."""

QUALIFIERS = frozenset({"normal", "abnormal", "enlarged", "large", "small", "increased", "reduced"})
"""Of INABILITY_WORDS those that must stand under the inability itself, not beside it."""

ASSESSMENT = """
normal abnormal unremarkable remarkable enlarged enlargement dilated dilatation dilation widened thickened thickening
small large big huge tiny reduced decreased increased elevated diminished low high borderline mild moderate severe
marked minimal significant insignificant atrophy atrophic hypertrophy hyperplasia effusion oedema edema consolidation
opacity opacities infiltrate pneumonia pneumothorax emphysema fibrosis atelectasis collapse cardiomegaly nodule
nodular mass tumour tumor neoplasm lesion cancer carcinoma malignant malignancy benign metastasis metastases
metastatic lymphoma glioma meningioma adenoma cyst cystic abscess infection inflammation inflamed haemorrhage
hemorrhage bleeding haematoma hematoma infarct infarction ischaemia ischemia stroke stenosis occlusion thrombus
thrombosis embolism aneurysm dissection fracture fractured dislocation calcification calcified necrosis necrotic
hernia obstruction perforation ascites hydrocephalus sclerosis demyelination plaque enhancing enhancement suspicious
suspected concerning worrisome suggestive suggest suggests indicate indicates consistent compatible likely unlikely
probable probably possible possibly diagnosis diagnose diagnosed diagnostic disease disorder syndrome pathology
pathological pathologic healthy unhealthy stable unchanged progression progressive progressed regression growing grown
shrunk new resolved improved worse worsening acute chronic positive negative asymmetric asymmetry symmetric deviated
deviation displaced displacement shifted hyperdense hypodense hyperintense hypointense heterogeneous homogeneous
spiculated irregular lobulated hyperinflated hyperinflation overinflated congestion congested swollen swelling injury
injured trauma foreign lucency lucent polyp ulcer retinopathy drusen exudate deficit responder response remission
urgent emergency danger dangerous treatment treat biopsy surgery surgical resection follow recommended recommend
recommendation required
"""
"""Words of finding, diagnosis, grade, trend and advice: cited evidence must carry each one."""

GRADED = """
normal abnormal unremarkable enlarged enlargement dilated dilatation dilation widened thickened small large reduced
decreased increased elevated diminished low high
"""
"""Words that a limit defines both ways: beyond it they hold, within it they do not."""

POLES = {"abnormal": ("normal", False), "unremarkable": ("normal", True)}
"""Words that say another word, or its opposite."""

ANATOMY = """
lung pulmonary lobe bronchus trachea pleura mediastinum diaphragm heart cardiac ventricle atrium aorta artery vein
valve chest thorax rib sternum spine vertebra disc brain cerebral cerebellum hippocampus cortex hemisphere pituitary
orbit skull liver hepatic spleen splenic kidney renal pancreas gallbladder bile stomach bowel colon intestine
oesophagus esophagus bladder prostate uterus ovary adrenal thyroid breast lymph node muscle bone joint hip femur knee
tibia shoulder humerus pelvis abdomen neck head eye retina skin nerve duct tissue
"""
"""Structures: a passage must say each one that a sentence resting on it says."""

FIRM = """
follow recommended recommend recommendation required treatment treat biopsy surgery surgical diagnosis diagnostic
indicated
"""
"""Words of advice whose denial cannot move to another word of the sentence."""

GENERAL = """
adult adults men women people person patients subjects volunteers children healthy mean average median normal normally
reference limit threshold cutoff guideline guidelines passage library literature study studies according published
typical typically usual usually commonly range defined definition criterion criteria expected percentile means
recommends recommended advised suggested
"""
"""Words by which a sentence shows that it speaks of medicine and not of this patient."""

HEDGES = frozenset(
    """may might could suggest suggests suggestive possible possibly probable probably likely suspicious
    suspected""".split()
)
CONDITIONS = frozenset("if when unless whenever provided where above below exceeds exceeding".split())

ALIASES = {
    "pulmonary": "lung", "cardiac": "heart", "hepatic": "liver", "renal": "kidney", "splenic": "spleen",
    "axes": "axis", "vertebrae": "vertebra", "metastases": "metastasis", "bronchi": "bronchus", "tumor": "tumour",
    "edema": "oedema", "hemorrhage": "haemorrhage", "hematoma": "haematoma", "esophagus": "oesophagus",
    "litre": "liter", "litres": "liter", "millilitre": "milliliter", "millilitres": "milliliter",
    "millimetre": "millimeter", "millimetres": "millimeter", "centimetre": "centimeter", "centimetres": "centimeter",
    "centre": "center", "colour": "color", "grey": "gray", "bases": "base", "ct": "ct", "us": "us", "found": "found",
    "indices": "index", "diagnoses": "diagnosis", "pixels": "px", "pixel": "px", "its": "it",
    "bilaterally": "bilateral",
    "mri": "mr", "lies": "lie", "lying": "lie", "enlargement": "enlarged", "dilatation": "dilated",
    "dilation": "dilated", "nearest": "near", "means": "means",
}  # fmt: skip
"""Irregular plurals, spellings and adjectives that mean the same structure."""

NAME_TAGS = {
    "volume": "volume", "area": "area", "length": "length", "diameter": "length", "axis": "length", "long": "long",
    "longest": "long", "major": "long", "largest": "max", "maximum": "max", "maximal": "max", "max": "max",
    "highest": "max", "short": "short", "shortest": "short", "minor": "short", "perpendicular": "short",
    "width": "width", "height": "height", "depth": "depth", "thickness": "thickness", "mean": "mean",
    "average": "mean", "median": "median", "minimum": "min", "minimal": "min", "min": "min", "lowest": "min",
    "deviation": "sd", "sd": "sd", "percentile": "percentile", "attenuation": "density", "density": "density",
    "hounsfield": "density", "intensity": "density", "signal": "density", "ratio": "ratio", "index": "index",
    "count": "count", "component": "count", "first": "first", "last": "last",
    "number": "count", "centroid": "centroid", "perimeter": "perimeter", "circumference": "circumference",
    "cardiothoracic": "cardiothoracic", "capacity": "capacity", "angle": "angle", "distance": "distance",
}  # fmt: skip
"""Words that name a quantity, and the notion each stands for."""

MUST_BE_NAMED = frozenset("short min max sd median percentile width height depth thickness first last x y z".split())
"""Notions that a figure cannot stand for unless the sentence says them."""

SIDES = {
    "left": "left", "right": "right", "bilateral": "both", "both": "both", "midline": "midline", "unilateral": "one",
    "ipsilateral": "one", "contralateral": "one", "lefthand": "left", "righthand": "right",
}  # fmt: skip
"""Side words; "one" is a side that no evidence records."""

MODALITY_WORDS = {
    "CT": "ct computed tomography tomographic", "MR": "mr mri magnetic resonance",
    "CR": "radiograph radiography film x-ray xray",
    "DX": "radiograph radiography film x-ray xray", "MG": "mammogram mammography", "US": "ultrasound sonography",
    "PT": "pet positron emission tomography", "NM": "scintigraphy nuclear medicine", "XA": "angiography angiogram",
    "RF": "fluoroscopy", "SM": "microscopy slide histology", "OP": "fundus photograph photography",
    "ES": "endoscopy endoscopic", "XC": "photograph photography",
}  # fmt: skip

NO_WORDS = frozenset("no without absence lack free nothing none nor neither nobody negative zero non".split())
"""Triggers that deny what follows."""

NOT_WORDS = frozenset("not cannot never fails failed fail neither".split())
"""Triggers that deny a verb; with a verb of presence also what stands before it."""

ABSENT_WORDS = frozenset("absent missing lacking excluded".split())
"""Triggers that deny what stands before them."""

PRESENCE_WORDS = frozenset(
    """seen present visible found identified detected shown there evident apparent visualised visualized demonstrated
    contained included located exist exists depicted recognised recognized observed in within""".split()
)

TERMINATORS = frozenset(
    "but however although though yet while whereas except because since so therefore only instead nevertheless".split()
)

UNCERTAIN = (
    ("cannot", "be", "excluded"), ("can", "not", "be", "excluded"), ("cannot", "exclude"), ("not", "excluded"),
    ("cannot", "be", "ruled", "out"), ("not", "ruled", "out"), ("cannot", "rule", "out"),
    ("could", "not", "be", "excluded"),
    ("not", "certain"), ("not", "necessarily"), ("not", "be", "excluded"), ("not", "be", "ruled", "out"),
)  # fmt: skip
"""Pseudo-triggers: they neither deny nor affirm."""

PSEUDO = (("not", "only"), ("not", "including"), ("no", "longer"), ("no", "more", "than"), ("no", "less", "than"),
          ("not", "more", "than"),
          ("not", "less", "than"), ("no", "fewer", "than"), ("no", "later", "than"))  # fmt: skip
"""Pseudo-triggers: they only look like a denial."""

CAVEAT_SAYINGS = {
    TRUNCATED: (
        "it is cut off by the edge edges of the field of view and truncated",
        "it reaches touches meets the border boundary margin end of the image scan volume stack data",
        "it extends continues beyond outside the field of view and leaves the scanned range",
        "it is only partly partially covered included imaged visible scanned depicted captured",
        "only part a portion of it lies in the field of view so it is incomplete and incompletely covered",
        "it is not completely fully entirely covered included imaged visible whole complete in the field of view",
        "the whole entire true complete full real volume size value structure may might could be larger bigger greater",
        "this is a lower bound and at least what the whole has and an underestimate",
    ),
    ANISOTROPIC: (
        "the voxels are anisotropic and longer along one axis across slices",
        "sizes along it are less certain than in-plane sizes so treat them with caution",
    ),
    NO_SPACING: (
        "the physical pixel size spacing scale is unknown so sizes are in pixels",
        "the physical size spacing scale of a pixel is not known given recorded stated available in the image",
        "the physical size spacing scale of a pixel is not known given recorded stated in the header of the file",
        "no pixel spacing is known given recorded available and there is no calibration",
        "sizes cannot be given converted in millimetres mm centimetres and are not physical",
    ),
}
"""How a reader is told of each caveat, besides its own words."""

TRUNCATION_CUES = (
    ("cut", "off"), ("truncated",), ("edge", "of", "the"), ("border", "of", "the"), ("beyond", "the", "field"),
    ("only", "part"), ("only", "partly"), ("only", "partially"), ("may", "be", "larger"), ("incompletely",),
    ("outside", "the", "field"),
)  # fmt: skip

REFERENCE_NOUNS = frozenset("limit limits threshold cutoff range value values bound maximum minimum criterion".split())

ATTRIBUTION = frozenset(
    """clinician chart history reported reports report stated states said says according asked asks mentioned mentions
    described describes told question complaint request record notes referral you your""".split()
)
"""A statement is heard, not verified: a sentence resting on it says who said it."""

HEADINGS = """
findings finding impression summary measurements measurement measured technique limitations limitation answer
conclusion conclusions recommendation recommendations evidence references reference comparison caveats caveat
background result results image images structure structures target quantity value values unit units notes note
interval source sources what how size sizes follows following are is below step steps overview assessment
interpretation about cannot-be-done
"""
"""Words a heading or the head of a table may have, besides targets and names of quantities."""

CONVERSATION = """
i we me us my our you your have has had looked looking at the image images picture pictures files file in a few two
three four five several steps step let know if need anything else more help further details detail question questions
here is are what see below above follows following answer to this happy please feel free ask can will would do not
hello hi dear doctor colleague thank thanks welcome sure certainly okay ok good morning afternoon evening understood
checked read worked through it all and for with of on that time now next first then last summary as requested your
request asked
"""
"""Words of a sentence purely about the conversation."""

SPEAKERS = frozenset(
    "i we you me let here thank thanks hello hi dear good sure certainly okay ok understood please feel welcome".split()
)
"""A sentence about the conversation has one of these among its first two words."""

QUESTION = """
would you like me to should shall do does can could may which what how where when is are there want need wish please
tell say confirm provide give send upload share show i we it this that these those the a an any other another more of
for in on with and or from about at by your my image images scan scans study studies series slice slices file files
prior previous earlier imaging available history symptoms complaint clinical information context age sex patient
spacing pixel size side sides left right both structure structures target targets measure measured look looked segment
locate compare comparison next first mean meant interested modality view plane have see find name ask outline
guideline library body air fat soft whole parenchyma cavity ventricles lobes nuclei nucleus cell cells lesion
structure again first second third question up
"""
"""Words of a question to the clinician, besides targets and names of quantities."""

NOTICE_WORDS = """
this these is are the a an it they result results finding findings decision support from research system not diagnosis
diagnoses qualified reader radiologist clinician physician doctor must should needs need to confirm confirmed
confirmation be by and answer measurements before use clinical any
"""
"""Words of the fixed notice, which must also have "qualified" and "confirm" in them."""

NUMBER_WORDS = {
    word: value
    for value, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
"""Number words that are read as figures."""

AMOUNTS = frozenset(
    """half twice double triple third quarter dozen hundred thousand million several couple pair single multiple many
    few numerous thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy
    eighty ninety once""".split()
)
"""Amounts in words that are not read as figures: evidence must say them."""
