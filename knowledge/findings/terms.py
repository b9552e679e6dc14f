"""What a report can find: the vocabulary of findings, most of it for the chest.

Each entry is (organ, parents, phrases). A finding that is there implies its parents; a finding that is denied denies
what lies below it. Phrases are parted by ";", "/" gives alternatives for one word, all in the form of
`knowledge.findings.words.lemma`. The longest phrase wins.
"""

Entry = tuple[str, tuple[str, ...], str]

ABNORMALITY = "abnormality"
"""Of the place beside it; "chest abnormality" where the report names none."""

TERMS: dict[str, Entry] = {
    ABNORMALITY: (
        "",
        (),
        """
            abnormality; abnormal; process; disease; finding; pathology; acute
            disease/process/finding/abnormality; injury; active disease/process; disease process; abnormal
            finding; acute change; lesion or abnormality; illness; acute injury; complication; abnormal
            appearance; derangement; insult; disorder; acute pathology""",
    ),
    # Lung
    "opacity": (
        "lung",
        (),
        """
            opacity; opacification; opacified; air space/airspace opacity; haziness; hazy opacity; shadowing;
            lung opacity; patchy opacity; opaque; interstitial opacity; haze; ground glass opacity; ground
            glass; streakiness; ground glass density; pulmonary opacity; focal opacity; airspace opacification;
            air space opacification; increased opacity; opacification of the lung""",
    ),
    "density": ("lung", ("opacity",), "density; hyperdensity; hyperdense; dense"),
    "airspace disease": (
        "lung",
        ("opacity",),
        """
            airspace/alveolar disease/process/change/abnormality; air space disease/process/change; alveolar
            consolidation; airspace/alveolar consolidation; air space consolidation; parenchymal disease;
            airspaces disease; pulmonary disease of the airspace; alveolar opacity; alveolar infiltrate;
            airspace infiltrate; airspace pneumonia; air space infiltrate; pulmonary airspace disease""",
    ),
    "consolidation": (
        "lung",
        ("opacity",),
        """
        consolidation; consolidated; consolidative; consolidating; lung consolidation""",
    ),
    "infiltrate": ("lung", ("opacity",), "infiltrate; infiltration; infiltrative"),
    "pneumonia": (
        "lung",
        ("opacity",),
        """
        pneumonia; bronchopneumonia; pneumonic; pneumonitis; pneumonic process; pneumonic infiltrate""",
    ),
    "infection": ("lung", (), "infection; infectious; infectious process; infectious disease"),
    "inflammation": ("lung", (), "inflammation; inflammatory; inflammatory process; inflammatory disease"),
    "atelectasis": (
        "lung",
        ("opacity",),
        """
            atelectasis; subsegmental/discoid/platelike/linear/compressive/passive/bandlike atelectasis; lung
            collapse; collapsed lung; collapse; atelectasis change; plate like atelectasis; lobar collapse; band
            like atelectasis""",
    ),
    "volume loss": ("lung", (), "volume loss; loss of volume; loss of lung volume"),
    "scar": (
        "lung",
        ("opacity",),
        """
            scar; scarring; cicatrix; cicatrization; fibrotic scar/scarring/change/band; fibrous scar;
            parenchymal scar; pleural parenchymal scarring; pulmonary scarring; fibronodular scarring; fibrotic;
            pleuroparenchymal scarring; scar tissue; cicatricial change""",
    ),
    "fibrosis": (
        "lung",
        (),
        """
        fibrosis; pulmonary fibrosis; fibrotic disease; interstitial fibrosis; fibrotic lung disease""",
    ),
    "nodule": (
        "lung",
        (),
        """
            nodule; nodular; nodularity; nodular density; pulmonary nodule; lung nodule; micronodule; nodular
            lesion; nodular focus; noncalcified nodule; coin lesion; nodular shadow""",
    ),
    "nodular opacity": (
        "lung",
        ("nodule", "opacity"),
        """
        nodular opacity; rounded opacity; round opacity; nodular like opacity; nodular airspace opacity""",
    ),
    "mass": (
        "lung",
        (),
        """
        mass; masslike; mass lesion; tumor; neoplasm; neoplastic; space occupying lesion; pulmonary mass""",
    ),
    "malignancy": ("", (), "malignancy; cancer; carcinoma; malignant; adenocarcinoma; lymphoma; malignant process"),
    "metastasis": ("", ("malignancy",), "metastasis; metastatic disease; metastatic; metastatic lesion"),
    "lesion": ("", (), "lesion"),
    "granuloma": ("lung", (), "granuloma; granulomata; granulomatous lesion"),
    "calcified granuloma": (
        "lung",
        ("granuloma",),
        """
            calcified granuloma; calcified granulomata; calcific granuloma; calcified pulmonary granuloma;
            granuloma calcified; calcified lung granuloma; calcified nodule; calcified pulmonary nodule;
            calcified lung nodule; granulomatous calcification; calcified granulomatous nodule; calcified
            nodular density; calcified nodular opacity; densely calcified granuloma; granuloma which is
            calcified; calcified noncavitary granuloma""",
    ),
    "granulomatous disease": (
        "lung",
        (),
        """
            granulomatous disease; granulomatous change; granulomatous process; granulomatous infection;
            granulomatous exposure; granulomatous calcified disease; granulomatous; histoplasmosis; sarcoidosis;
            granulomatous lung disease; granulomatous disease exposure""",
    ),
    "calcification": (
        "",
        (),
        """
            calcification; calcified; calcific; calcinosis; calcific density; calcium; calcified density;
            calcified focus; ossification""",
    ),
    "emphysema": (
        "lung",
        (),
        """
            emphysema; emphysematous; emphysematous change/lung/disease; pulmonary emphysema; bullous emphysema;
            bullous disease""",
    ),
    "bulla": ("lung", (), "bulla; bullous; bleb; bullous change; pneumatocele"),
    "subcutaneous emphysema": (
        "soft tissue",
        (),
        """
        subcutaneous emphysema; subcutaneous air; soft tissue emphysema; soft tissue gas""",
    ),
    "COPD": (
        "lung",
        (),
        """
            copd; chronic obstructive pulmonary disease; chronic obstructive lung disease; obstructive lung
            disease; obstructive pulmonary disease; chronic obstructive disease; chronic lung disease; chronic
            obstructive airway disease""",
    ),
    "hyperinflation": (
        "lung",
        ("abnormal lung volume",),
        """
            hyperinflation; hyperinflated; hyperexpansion; hyperexpanded; overinflation; overinflated;
            hyperaeration; hyperaerated; hyperdistention; hyperdistended; air trapping; overexpansion;
            overexpanded; hyperlucent; increased lung volume; large lung volume; hyperlucency; high lung volume;
            over inflated; over expanded; hyper inflated; hyper expanded""",
    ),
    "low lung volume": (
        "lung",
        ("abnormal lung volume",),
        """
            low lung volume; low volume; lung volume low; hypoinflation; hypoinflated; hypoventilation;
            hypoventilatory; poor inspiration; shallow inspiration; poor inspiratory effort; low inspiratory
            volume; reduced lung volume; hypoaeration; hypoaerated; underinflated; underinflation; diminished
            lung volume; decreased lung volume; small lung volume; lung volume are low; volume are low; lung
            volume is low; low volume of the lung; under inflated; lung volume remain low; volume remain low;
            hypoexpansion; hypoexpanded; limited inspiration; decreased inspiration; poor inspiratory; shallow
            inspiratory effort; underexpanded; low level of inspiration; reduced inspiration; lung volume appear
            low; decreased volume; diminished volume; expiratory; suboptimal inspiration; low inspiratory
            effort; shallow lung inflation; lung line remain low""",
    ),
    "abnormal lung volume": ("lung", (), "abnormal lung volume"),
    "interstitial markings": (
        "lung",
        (),
        """
            interstitial marking; prominent interstitial marking; interstitial prominence; interstitial
            thickening; coarse interstitial marking; increased interstitial marking; lung marking; reticular
            marking; reticular opacity; reticulonodular opacity; interstitial change; interstitial pattern;
            reticulation; coarsened interstitial marking; interstitial coarsening; prominent interstitium;
            increased lung marking; interstitial; septal line; kerley b line; septal thickening; interlobular
            septal thickening; reticular; coarse marking; marking; pulmonary marking""",
    ),
    "interstitial lung disease": (
        "lung",
        ("interstitial markings",),
        """
            interstitial lung disease; interstitial disease; interstitial pulmonary disease; ild; interstitial
            process; interstitial pneumonia; interstitial infiltrate""",
    ),
    "bronchovascular markings": (
        "lung",
        (),
        """
            bronchovascular marking; bronchovascular crowding; crowding of the bronchovascular
            structure/marking; crowding of bronchovascular structure/marking; crowded bronchovascular
            structure/marking; bronchovascular; bronchovascular prominence; vascular crowding; crowding of the
            vascular structure/marking; crowding; crowding of the pulmonary vasculature; bronchovascular bundle;
            crowding of vasculature; bronchovascular structure""",
    ),
    "bronchial thickening": (
        "airway",
        (),
        """
            bronchial wall thickening; peribronchial cuffing; peribronchial thickening; bronchial cuffing;
            bronchitis; bronchitic; airway thickening; bronchitic change; bronchiolitis; airway disease;
            reactive airway disease""",
    ),
    "bronchiectasis": (
        "airway",
        (),
        """
        bronchiectasis; bronchiectatic; traction bronchiectasis; bronchiectatic change""",
    ),
    "cavity": ("lung", (), "cavity; cavitation; cavitary; cavitary lesion; cavitating"),
    "lucency": ("lung", (), "lucency; lucent; radiolucency; lucent lesion; radiolucent"),
    "tuberculosis": ("lung", (), "tuberculosis; tb; active tuberculosis; tuberculous; tuberculous disease"),
    "pulmonary edema": (
        "lung",
        (),
        """
            edema; pulmonary edema; interstitial edema; alveolar edema; pulmonary interstitial edema; fluid
            overload; volume overload""",
    ),
    "vascular congestion": (
        "pulmonary vessels",
        (),
        """
            vascular congestion; pulmonary vascular congestion; pulmonary congestion; congestion; pulmonary
            venous congestion; vascular engorgement; pulmonary vascular engorgement; engorgement; pulmonary
            venous hypertension; engorged; vascular prominence; pulmonary vascular prominence; vascular
            redistribution; cephalization; central vascular congestion; venous congestion; pulmonary vascular
            redistribution; vascular fullness; pulmonary venous engorgement""",
    ),
    "heart failure": (
        "heart",
        (),
        """
        heart failure; chf; congestive heart failure; cardiac failure; failure; cardiac decompensation""",
    ),
    "pulmonary hypertension": (
        "pulmonary vessels",
        (),
        """
        pulmonary hypertension; pulmonary arterial hypertension; pulmonary artery hypertension""",
    ),
    "pulmonary embolism": (
        "pulmonary vessels",
        (),
        """
        pulmonary embolism; pulmonary embolus; pulmonary emboli; embolism; embolus""",
    ),
    # Pleura
    "pleural effusion": (
        "pleura",
        (),
        """
            pleural effusion; effusion; pleural fluid; pleural fusion; pleural fluid collection; pleural
            collection; hydrothorax; fluid in the pleural space; pleural air or fluid; subpulmonic effusion;
            fluid collection; fluid; layering effusion; parapneumonic effusion; effusion in the pleural space;
            pleural-effusion; hemothorax""",
    ),
    "pneumothorax": (
        "pleura",
        (),
        """
            pneumothorax; ptx; pleural air; air in the pleural space; collapsed lung from air;
            hydropneumothorax; pneumothroax; pneumothoraxes""",
    ),
    "pleural thickening": (
        "pleura",
        (),
        """
            pleural thickening; pleural cap; apical cap; pleural capping; thickening of the pleura;
            pleural reaction; pleural plaque; capping; pleural based density; thickened pleura; apical
            capping; pleural disease; pleural apical thickening; thickening of the apical pleura; pleural
            calcification; pleural parenchymal thickening""",
    ),
    "blunted costophrenic angle": ("pleura", (), "blunted costophrenic angle"),
    # Heart, mediastinum, aorta
    "cardiomegaly": (
        "heart",
        (),
        """
            cardiomegaly; enlarged heart; cardiac enlargement; enlarged cardiac silhouette; heart enlargement;
            large heart; enlargement of the heart; enlargement of the cardiac silhouette; enlarged
            cardiomediastinal silhouette; enlarged heart size; enlarged cardiac shadow; heart is large;
            increased heart size; megalocardia""",
    ),
    "pericardial effusion": ("heart", (), "pericardial effusion; pericardial fluid; hemopericardium"),
    "coronary disease": (
        "heart",
        (),
        """
        coronary artery disease; coronary calcification; coronary artery calcification; coronary disease""",
    ),
    "lymphadenopathy": (
        "mediastinum",
        (),
        """
            lymphadenopathy; adenopathy; enlarged lymph node; lymph node enlargement; enlarged node; hilar
            lymphadenopathy; mediastinal lymphadenopathy; nodal enlargement; hilar adenopathy; mediastinal
            adenopathy; lymphadenopathies""",
    ),
    "calcified lymph node": (
        "mediastinum",
        (),
        """
            calcified lymph node; calcified hilar lymph node; calcified mediastinal lymph node; calcified node;
            calcified hilar node; calcified mediastinal node; calcified lymphadenopathy; calcified adenopathy;
            calcified hilar lymphadenopathy; calcified hilar adenopathy; lymph node calcification; nodal
            calcification; calcific lymph node; calcified mediastinal and hilar lymph node; calcified hilar and
            mediastinal lymph node""",
    ),
    "hiatal hernia": (
        "mediastinum",
        (),
        """
        hiatal hernia; hiatus hernia; esophageal hernia; hernia; paraesophageal hernia""",
    ),
    "pneumomediastinum": ("mediastinum", (), "pneumomediastinum; mediastinal air; mediastinal emphysema"),
    "mediastinal shift": (
        "mediastinum",
        (),
        """
        mediastinal shift; shift of the mediastinum; cardiomediastinal shift; shift; tracheal deviation""",
    ),
    "tortuous aorta": ("aorta", (), "aorta unfolding"),
    "aortic aneurysm": ("aorta", (), "aortic aneurysm; aneurysm of the aorta; aneurysmal aorta; thoracic aneurysm"),
    "aneurysm": ("aorta", (), "aneurysm; aneurysmal; pseudoaneurysm; aneurysmal dilatation"),
    "dissection": ("aorta", (), "dissection; aortic dissection; intimal flap"),
    "atherosclerosis": (
        "aorta",
        (),
        """
            atherosclerosis; atherosclerotic; atherosclerotic change/disease/calcification/plaque;
            arteriosclerosis; arteriosclerotic; arteriosclerotic change/disease/calcification; atheromatous;
            atheroma; atherosclerotic vascular disease; atherosclerotic vascular calcification; atheromatous
            calcification; atheromatous plaque; atherosclerotic aortic calcification""",
    ),
    "aortic calcification": ("aorta", (), "aortic calcific disease"),
    # Diaphragm
    "elevated diaphragm": ("diaphragm", (), "elevated diaphragm; raised diaphragm"),
    "flattened diaphragm": ("diaphragm", (), "flattened diaphragm; flat diaphragm"),
    "eventration": ("diaphragm", (), "eventration; diaphragmatic eventration; diaphragm eventration; hump"),
    # Bone
    "fracture": (
        "bone",
        (),
        """
            fracture; fractured; rib fracture; fracture deformity; broken; compression fracture; wedge fracture;
            bony fracture""",
    ),
    "compression deformity": (
        "bone",
        (),
        """
            compression deformity; wedge deformity; wedging; vertebral body compression; loss of vertebral body
            height; loss of height; anterior wedging; vertebral compression; height loss; wedge compression;
            wedge compression deformity; compression; vertebral collapse; decreased height; loss of vertebral
            height; wedge shaped""",
    ),
    "deformity": ("bone", (), "deformity; deformed; malformation; malunion; bony deformity; irregularity"),
    "degenerative change": (
        "bone",
        (),
        """
            degenerative; degenerative change/disease/disc; degenerative joint disease; degenerative disc
            disease; djd; ddd; degenerative arthritis; degenerative spurring; degeneration; degenerative
            endplate change; endplate change; hypertrophic change; hypertrophic spurring; degenerative
            osteophyte; degenerative bony change; spondylitic change; spondylotic change; degenerative
            spondylosis; disc degeneration; degenerative disc change; arthritic degenerative change; disc
            disease; degenerative hypertrophic change; degenerative disk disease; disc space narrowing; disc
            space loss; dish; diffuse idiopathic skeletal hyperostosis; degenerative type change""",
    ),
    "osteophyte": (
        "bone",
        (),
        """
        osteophyte; osteophytosis; osteophytic; spur; spurring; osteophyte formation; osteophytic change;
        bridging osteophyte; osteophytic spurring; bony spurring; marginal osteophyte""",
    ),
    "spondylosis": ("bone", (), "spondylosis; spondylolisthesis; spondylosis deformans"),
    "arthritis": (
        "bone",
        (),
        """
        arthritis; arthritic; arthritic change; osteoarthritis; osteoarthritic; arthropathy; arthrosis;
        osteoarthrosis; osteoarthritic change""",
    ),
    "scoliosis": (
        "bone",
        (),
        """
        scoliosis; scoliotic; dextroscoliosis; levoscoliosis; curvature; scoliotic curvature; scoliosis
        curvature; levocurvature; dextrocurvature; dextrocurve; levocurve""",
    ),
    "kyphosis": (
        "bone",
        (),
        """
        kyphosis; kyphotic; exaggerated kyphosis; kyphotic curvature; hyperkyphosis; kyphoscoliosis; increased
        kyphosis""",
    ),
    "osteopenia": (
        "bone",
        (),
        """
        osteopenia; osteopenic; demineralization; demineralized; osteoporosis; osteoporotic; bone
        demineralization; decreased bone density""",
    ),
    "dislocation": ("bone", (), "dislocation; subluxation; dislocated; subluxed; separation"),
    "bone lesion": (
        "bone",
        (),
        """
        lytic lesion; sclerotic lesion; bone lesion; bony lesion; osseous lesion; blastic lesion; bone
        destruction; destructive; destructive lesion; bony destruction; destructive bony lesion; lytic;
        osteolytic; sclerotic; sclerosis; osteoblastic""",
    ),
    "pectus deformity": ("bone", (), "pectus excavatum; pectus carinatum; pectus; pectus deformity"),
    "resorption": ("bone", (), "resorption; erosion; erosive change; bony erosion; osteolysis"),
    # Devices and operations
    "catheter": (
        "device",
        (),
        """
            catheter; central line; central venous catheter/line; venous catheter; picc; picc line; port; port a
            cath; portacath; porta cath; mediport; dialysis catheter; line; central catheter; chest port;
            vascular catheter; ij catheter; subclavian catheter; jugular catheter; ij line; infusion port; power
            port; powerport; catheter tip; picc catheter; central venous line catheter; central venous port;
            venous access device; port catheter; swan ganz catheter""",
    ),
    "pacemaker": (
        "device",
        (),
        """
            pacemaker; pacer; icd; aicd; defibrillator; cardiac device; pacing device/wire/lead; pacemaker lead;
            generator; implantable defibrillator; cardioverter defibrillator; cardiac pacemaker; dual lead
            pacemaker; pacer lead; pacing; pulse generator; implanted cardiac device; cardiac generator; lead;
            leads; implanted device; loop recorder; stimulator; spinal stimulator""",
    ),
    "tube": (
        "device",
        (),
        """
            endotracheal tube; et tube; ett; tracheostomy tube; tracheostomy; nasogastric tube; ng tube; enteric
            tube; feeding tube; chest tube; tube; orogastric tube; gastric tube; drain; pleural drain; pigtail
            catheter; dobbhoff tube; thoracostomy tube; peg tube; enteric catheter; trach; pleural catheter;
            shunt; tubing""",
    ),
    "sternotomy": (
        "device",
        (),
        """
            sternotomy; median sternotomy; sternotomy wire; sternal wire; sternal suture; cabg; coronary bypass;
            bypass graft; coronary artery bypass; bypass surgery; coronary artery bypass graft; coronary bypass
            graft; mediastinal clip; sternotomy change""",
    ),
    "surgical material": (
        "device",
        (),
        """
            surgical clip; clip; surgical suture; suture; staple; suture material; surgical staple line;
            hardware; plate; screw; orthopedic hardware; fixation; fusion hardware; prosthesis; arthroplasty;
            prosthetic; surgical material; metallic clip; surgical instrument; anchor; fixation hardware; rod;
            spinal fusion; spinal rod; wire; fusion; replacement; surgical hardware; surgical change;
            postsurgical change; postoperative change; post surgical change; postoperative; postsurgical; post
            operative change; coil; embolization coil; filter; ivc filter; band; joint replacement;
            cholecystectomy clip; cholecystectomy; resection; lobectomy; thoracotomy; mastectomy""",
    ),
    "heart valve": (
        "device",
        (),
        """
        valve; prosthetic valve; valve replacement; aortic valve; mitral valve; heart valve; valve prosthesis""",
    ),
    "stent": ("device", (), "stent; stent graft; endovascular graft; coronary stent; coronary artery stent"),
    "breast implant": ("device", (), "breast implant; breast prosthesis; implant"),
    "foreign body": (
        "device",
        (),
        """
        foreign body; foreign object; bullet; metallic fragment; shrapnel; bullet fragment; bb; ballistic
        fragment; radiopaque object; foreign material; metallic density; metallic foreign body; radiopaque
        foreign body""",
    ),
    # Abdomen
    "free air": (
        "abdomen",
        (),
        """
        free air; pneumoperitoneum; free intraperitoneal air; intraperitoneal air; free gas; subdiaphragmatic
        air; air under the diaphragm; free subdiaphragmatic air; free abdominal air; free intraperitoneal gas;
        air beneath the diaphragm; free intra abdominal air; subdiaphragmatic free air; free air under the
        diaphragm; intraperitoneal free air; free air beneath the diaphragm""",
    ),
    "bowel obstruction": (
        "abdomen",
        (),
        """
        bowel obstruction; ileus; dilated bowel; dilated bowel loop; obstruction; small bowel obstruction;
        obstructive bowel gas pattern""",
    ),
    "stone": (
        "abdomen",
        (),
        """
        stone; calculus; gallstone; nephrolithiasis; cholelithiasis; urolithiasis; renal calculus; kidney stone""",
    ),
    "ascites": ("abdomen", (), "ascites; free fluid; peritoneal fluid; intraperitoneal fluid"),
    "hydronephrosis": (
        "abdomen",
        (),
        """
        hydronephrosis; hydroureter; hydroureteronephrosis; pelvicaliectasis; collecting system dilatation""",
    ),
    "cyst": ("", (), "cyst; cystic lesion; simple cyst; cystic"),
    "steatosis": ("abdomen", (), "steatosis; fatty liver; hepatic steatosis; fatty infiltration"),
    "cirrhosis": ("abdomen", (), "cirrhosis; cirrhotic; cirrhotic liver"),
    "hepatomegaly": ("abdomen", (), "hepatomegaly; enlarged liver"),
    "splenomegaly": ("abdomen", (), "splenomegaly; enlarged spleen"),
    "inflamed organ": (
        "abdomen",
        (),
        """
        appendicitis; diverticulitis; cholecystitis; pancreatitis; colitis; pyelonephritis""",
    ),
    "abscess": ("", (), "abscess; empyema; phlegmon"),
    # Brain and vessels
    "hemorrhage": (
        "",
        (),
        """
        hemorrhage; bleed; bleeding; hematoma; hemorrhagic; subdural hematoma; intracranial hemorrhage; blood
        product; contusion""",
    ),
    "infarct": (
        "brain",
        (),
        """
        infarct; infarction; ischemia; stroke; ischemic change; acute infarct; restricted diffusion; ischemic""",
    ),
    "midline shift": ("brain", (), "midline shift; shift of midline; shift of the midline structure"),
    "mass effect": ("brain", (), "mass effect; effacement; sulcal effacement"),
    "hydrocephalus": (
        "brain",
        (),
        """
        hydrocephalus; ventriculomegaly; ventricular dilatation; enlarged ventricles; dilated ventricles""",
    ),
    "atrophy": ("", (), "atrophy; atrophic; parenchymal volume loss"),
    "white matter change": (
        "brain",
        (),
        """
        white matter hyperintensity; white matter change; leukoaraiosis; small vessel disease; microangiopathic
        change; white matter lesion""",
    ),
    "cerebral edema": (
        "brain",
        (),
        """
        cerebral edema; brain edema; vasogenic edema; perilesional edema; peritumoral edema; cytotoxic edema""",
    ),
    "enhancement": ("", (), "enhancement; enhancing; contrast enhancement; ring enhancement; enhancing lesion"),
    "necrosis": ("", (), "necrosis; necrotic"),
    "thrombosis": ("", (), "thrombosis; thrombus; dvt; clot; filling defect"),
    "stenosis": ("", (), "stenosis; narrowing; stricture; stenotic; occlusion; occluded"),
    "disc herniation": (
        "bone",
        (),
        """
        disc herniation; herniated disc; disc protrusion; disc bulge; bulging disc; disc extrusion; disc bulging""",
    ),
    "tear": ("bone", (), "tear; rupture; torn; ruptured"),
    "joint effusion": ("bone", (), "joint effusion; hemarthrosis"),
    "artifact": ("device", (), "artifact; artifactual"),
}

ADJECTIVES = """
    enlarged; enlargement; prominent; prominence; tortuous; tortuosity; torturous; ectatic; ectasia; unfolded;
    unfolding; uncoiled; dilated; dilatation; dilation; elevated; elevation; raised; flattened; flattening;
    flat; blunted; blunting; obscured; obscuration; effaced; widened; widening; wide; thickened; thickening;
    deviated; deviation; displaced; displacement; low; lower in position; fullness; full; narrowed; distended;
    distention; increased; accentuated; asymmetric; asymmetry; loculated; indistinct; indistinctness; poorly
    defined; rotated; rotation; obliterated; obliteration; convex; convexity; lobulated; retracted; retraction;
    coarse; coarsened; decreased; diminished; big; bulky; magnified; exaggerated; depressed; shifted;
    coarsening; augmented; generous; swollen; swelling; hyperintense; hypointense; hypodense; hyperechoic;
    hypoechoic; hypodensity; hyperintensity; pale; pallor; increase in size; increase; high riding"""
"""Say something only of the structure they stand beside: "enlarged" of the heart, the hilum, a node."""

SAME_AS: dict[str, str] = {
    **dict.fromkeys(
        (
            "enlargement",
            "big",
            "magnified",
            "generous",
            "swollen",
            "swelling",
            "increase in size",
            "increase",
            "increased",
            "bulky",
            "augmented",
        ),
        "enlarged",
    ),
    **dict.fromkeys(("prominence", "fullness", "full", "accentuated"), "prominent"),
    **dict.fromkeys(("tortuosity", "torturous", "ectatic", "ectasia", "unfolded", "unfolding", "uncoiled"), "tortuous"),
    **dict.fromkeys(("dilatation", "dilation", "distended", "distention"), "dilated"),
    **dict.fromkeys(("elevation", "raised", "high riding"), "elevated"),
    **dict.fromkeys(("flattening", "flat", "depressed"), "flattened"),
    **dict.fromkeys(
        (
            "blunting",
            "effaced",
            "obscuration",
            "obscured",
            "obliterated",
            "obliteration",
            "indistinct",
            "indistinctness",
            "poorly defined",
        ),
        "blunted",
    ),
    **dict.fromkeys(("widening", "wide"), "widened"),
    "thickening": "thickened",
    "deviation": "deviated",
    "shifted": "deviated",
    "displacement": "displaced",
    "asymmetry": "asymmetric",
    "rotation": "rotated",
    "convexity": "convex",
    "retraction": "retracted",
    "coarsened": "coarse",
    "coarsening": "coarse",
    "decreased": "low",
    "diminished": "low",
    "hypodensity": "hypodense",
    "hyperintensity": "hyperintense",
    "pallor": "pale",
}
"""Adjectives and nouns that say one thing."""

NAMED: dict[tuple[str, str], str] = {
    ("enlarged", "heart"): "cardiomegaly",
    ("enlarged", "cardiomediastinal silhouette"): "cardiomegaly",
    ("widened", "heart"): "cardiomegaly",
    ("dilated", "heart"): "cardiomegaly",
    ("tortuous", "aorta"): "tortuous aorta",
    ("tortuous", "great vessels"): "tortuous aorta",
    ("dilated", "aorta"): "dilated aorta",
    ("elevated", "diaphragm"): "elevated diaphragm",
    ("flattened", "diaphragm"): "flattened diaphragm",
    ("blunted", "costophrenic angle"): "blunted costophrenic angle",
    ("thickened", "pleura"): "pleural thickening",
    ("enlarged", "lymph node"): "lymphadenopathy",
    ("prominent", "lymph node"): "lymphadenopathy",
    ("deviated", "trachea"): "mediastinal shift",
    ("deviated", "mediastinum"): "mediastinal shift",
    ("low", "lung volume"): "low lung volume",
    ("low", "lung"): "low lung volume",
    ("enlarged", "lung volume"): "hyperinflation",
    ("prominent", "pulmonary vessels"): "vascular congestion",
    ("enlarged", "pulmonary vessels"): "vascular congestion",
    ("enlarged", "liver"): "hepatomegaly",
    ("enlarged", "spleen"): "splenomegaly",
    ("enlarged", "ventricles of the brain"): "hydrocephalus",
    ("dilated", "ventricles of the brain"): "hydrocephalus",
    ("dilated", "upper abdomen"): "bowel obstruction",
}
"""Pairs of adjective and structure that have a name of their own; others are called by both words."""

ONLY_OF: dict[str, tuple[str, ...]] = {"tortuous": ("aorta", "great vessels")}
"""Adjectives that are said of these places alone: of the first where another one stands beside them."""

RETOLD: dict[tuple[str, str], str] = {
    ("calcification", "aorta"): "aortic calcification",
    ("calcification", "great vessels"): "aortic calcification",
    ("calcification", "lymph node"): "calcified lymph node",
    ("calcification", "hilum"): "calcified lymph node",
    ("mass", "brain"): "brain mass",
    ("pulmonary edema", "brain"): "cerebral edema",
    ("pulmonary edema", "soft tissue"): "soft tissue edema",
    ("pleural effusion", "pericardium"): "pericardial effusion",
    ("pleural effusion", "joint"): "joint effusion",
    ("pleural effusion", "knee"): "joint effusion",
    ("fibrosis", "liver"): "cirrhosis",
}
"""Findings that are another one where they lie in this place."""

TOGETHER: dict[frozenset[str], str] = {
    frozenset(("calcification", "granuloma")): "calcified granuloma",
    frozenset(("calcification", "nodule")): "calcified granuloma",
    frozenset(("calcification", "lymphadenopathy")): "calcified lymph node",
    frozenset(("compression deformity", "fracture")): "fracture",
    frozenset(("nodule", "granuloma")): "granuloma",
    frozenset(("nodule", "calcified granuloma")): "calcified granuloma",
}
"""Two findings in one noun phrase that are a third."""

EXTRA_PARENTS: dict[str, tuple[str, ...]] = {
    "aortic calcification": ("atherosclerosis", "calcification"),
    "calcified lymph node": ("calcification",),
    "calcified granuloma": ("granuloma", "calcification"),
}


def parents(concept: str) -> tuple[str, ...]:
    """What a finding implies, one step up."""
    return EXTRA_PARENTS.get(concept, TERMS[concept][1] if concept in TERMS else ())


def ancestors(concept: str) -> frozenset[str]:
    """What a finding implies, all the way up, without itself."""
    found: set[str] = set()
    waiting = list(parents(concept))
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(parents(parent))
    return frozenset(found)


VAGUE = frozenset("finding findings injury complication change changes insult illness".split())
"""Words for an abnormality that say nothing by themselves: "these findings"."""
