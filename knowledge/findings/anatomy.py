"""Where things lie: places by the words for them, and the organ each belongs to."""

PLACES: dict[str, tuple[str, str]] = {
    # name: (organ, phrases)
    "chest": (
        "chest",
        """
            chest; thorax; cardiopulmonary; intrathoracic; cardiothoracic; thoracic cavity; hemithorax;
            hemithoraces; chest x ray; chest radiograph; chest film; heart and lung; heart or lung; lung and
            heart; chest exam; chest examination; pulmonary or cardiac; cardiac or pulmonary; chest x; cardiac
            pulmonary""",
    ),
    "heart": (
        "heart",
        """
            heart; cardiac; heart size; cardiac size; cardiac silhouette; heart silhouette; cardiac contour;
            heart contour; cardiac shadow; heart shadow; size of the heart; size of heart; cardiac silhouette
            size; heart border; cardiac border; heart size and contour; cardiac silhouette and contour; cardio;
            heart and cardiac silhouette""",
    ),
    "cardiomediastinal silhouette": (
        "heart",
        """
            cardiomediastinal; cardiomediastinal silhouette; cardiomediastinal contour; cardio mediastinal
            silhouette; cardio mediastinal contour; cardiac and mediastinal silhouette; cardiac and mediastinal
            contour; heart and mediastinum; heart and mediastinal contour; mediastinal and cardiac contour;
            cardiac mediastinal silhouette; cardiac mediastinal contour; cardiac silhouette and mediastinum;
            cardiac silhouette and mediastinal contour; heart size and mediastinal contour; heart size and
            mediastinal silhouette; mediastinal and cardiac silhouette; cardiomediastinum; cardio mediastinum;
            cardiomediastinal structure; mediastinal and hilar contour""",
    ),
    "ventricle of the heart": (
        "heart",
        """
        cardiac ventricle; lv; rv; ventricular; heart ventricle; ventricle;
        ventricles of the heart; cardiac ventricles""",
    ),
    "atrium": ("heart", "atrium; atrial; cavoatrial junction; atriocaval junction; ra"),
    "pericardium": ("heart", "pericardium; pericardial; epicardial"),
    "mediastinum": (
        "mediastinum",
        """
            mediastinum; mediastinal; mediastinal contour; mediastinal silhouette; superior mediastinum;
            mediastinal structure; retrosternal space; retrosternal; mediastinal width; mediastinal size;
            paratracheal; azygos; paramediastinal; paramediastinal silhouette; thoracic inlet; mediastinal border""",
    ),
    "hilum": (
        "mediastinum",
        "hilum; hilar; perihilar; infrahilar; suprahilar; hilar contour; hilar structure; parahilar",
    ),
    "trachea": (
        "airway",
        "trachea; tracheal; carina; airway; central airway; bronchus; bronchial; mainstem; upper airway",
    ),
    "esophagus": ("mediastinum", "esophagus; esophageal"),
    "aorta": (
        "aorta",
        """
            aorta; aortic; thoracic aorta; aortic arch; aortic knob; descending aorta; ascending aorta;
            descending thoracic aorta; ascending thoracic aorta; aortic contour; arch of the aorta; thoracic
            aortic; aortic shadow; aortic root""",
    ),
    "great vessels": (
        "aorta",
        "great vessel; vessel; vascular; arterial; brachiocephalic vessel; innominate; arch vessel",
    ),
    "pulmonary vessels": (
        "pulmonary vessels",
        """
            pulmonary vasculature; pulmonary vascularity; vascularity; pulmonary vascular; pulmonary vessel;
            pulmonary vascular marking; vasculature; pulmonary artery; pulmonary arterial; central pulmonary
            artery; pulmonary vein; pulmonary venous; central vascular; pulmonary circulation; vascular marking;
            vascular pattern; lung vascularity; lung vasculature; pulmonary vascular pattern; central pulmonary
            vasculature; bronchovascular structure""",
    ),
    "lung": (
        "lung",
        """
            lung; lung field; lung parenchyma; pulmonary parenchyma; parenchyma; parenchymal; lung zone;
            pulmonary field; airspace; air space; lung apex and base; lung tissue; intrapulmonary; pulmonary;
            lung space; lung and pleura; lung and pleural space; pulmonary alveolus; alveolar; alveolus; aerated
            lung; pulmonary interstitium""",
    ),
    "lung volume": (
        "lung",
        "lung volume; volume; inspiration; inspiratory effort; inspiratory volume; lung inflation; inflation",
    ),
    "upper lobe": (
        "lung",
        "upper lobe; upper lung; upper zone; upper lung zone; upper lung field; upper field; superior lobe",
    ),
    "middle lobe": (
        "lung",
        """
            middle lobe; mid lung; midlung; mid zone; mid lung zone; middle lung; mid lung field; midlung zone;
            midzone; mid lobe; midlung field""",
    ),
    "lower lobe": (
        "lung",
        """
            lower lobe; lower lung; lower zone; lower lung zone; lower lung field; inferior lobe; lower lung
            zone; lower field""",
    ),
    "lingula": ("lung", "lingula; lingular"),
    "base": (
        "lung",
        "base; basilar; basal; lung base; bibasilar; bibasal; basilar region; basilar lung; bases; lung basis",
    ),
    "apex": ("lung", "apex; apical; biapical; lung apex; apical region"),
    "retrocardiac region": ("lung", "retrocardiac; retrocardiac region; retrocardiac space"),
    "costophrenic angle": (
        "pleura",
        """
            costophrenic angle; costophrenic sulcus; costophrenic; cp angle; costophrenic recess; posterior
            sulcus; sulcus; lateral sulcus; costophrenic angle and sulcus; posterior costophrenic""",
    ),
    "cardiophrenic angle": ("mediastinum", "cardiophrenic; cardiophrenic angle"),
    "fissure": ("pleura", "fissure; major fissure; minor fissure; horizontal fissure; oblique fissure; fissural"),
    "pleura": ("pleura", "pleura; pleural; pleural space; pleural surface; pleural cavity; subpleural"),
    "diaphragm": ("diaphragm", "diaphragm; hemidiaphragm; diaphragmatic; hemidiaphragmatic; diaphragm dome"),
    "bone": (
        "bone",
        """
            bone; bony; osseous; osseous structure; bony structure; skeletal; skeletal structure; skeleton; bony
            thorax; bony skeleton; osseous thorax; bone structure; bony thoracic structure; thoracic cage; bony
            thoracic cage; osseous skeleton; bone of the thorax; bony elements; bone and soft tissue; osteo;
            bony architecture""",
    ),
    "rib": ("bone", "rib; costal; rib cage; ribcage; costochondral; costicartilage; costal cartilage"),
    "clavicle": ("bone", "clavicle; clavicular"),
    "sternum": ("bone", "sternum; sternal; manubrium"),
    "scapula": ("bone", "scapula; scapular; glenoid"),
    "shoulder": (
        "bone",
        "shoulder; glenohumeral; acromioclavicular; ac joint; acromioclavicular joint; acromion; rotator cuff",
    ),
    "humerus": ("bone", "humerus; humeral; humeral head"),
    "cervical spine": ("bone", "cervical spine; c spine; cervical; cervical vertebra"),
    "lumbar spine": ("bone", "lumbar spine; l spine; lumbar; lumbar vertebra; lumbosacral spine"),
    "spine": (
        "bone",
        """
            spine; spinal; thoracic spine; t spine; thoracic vertebra; vertebra; vertebral; vertebral body;
            midthoracic; thoracolumbar; thoracolumbar spine; endplate; disc space; disc; disk space; disk;
            midthoracic spine; mid thoracic spine; dorsal spine; vertebral column; thoracic vertebral body;
            intervertebral; end plate; mid thoracic; vertebral height; vertebral body height; lower thoracic
            spine; upper thoracic spine; upper lumbar spine; thoracic spinal; thoracic; posterior element""",
    ),
    "joint": ("bone", "joint; articular; joint space"),
    "pelvis": ("bone", "pelvis; pelvic; sacrum; sacroiliac; hip; acetabulum"),
    "femur": ("bone", "femur; femoral; femoral neck; femoral head"),
    "knee": ("bone", "knee; patella; meniscus; tibia; fibula; ankle; foot; midfoot; wrist; hand; elbow; forearm"),
    "skull": ("bone", "skull; calvarium; calvarial; orbit; mastoid; sinus; paranasal sinus; mandible; maxilla"),
    "soft tissue": (
        "soft tissue",
        "soft tissue; subcutaneous; chest wall; extrathoracic soft tissue; overlying soft tissue",
    ),
    "breast": ("soft tissue", "breast; nipple; mammary"),
    "axilla": ("soft tissue", "axilla; axillary"),
    "neck": ("soft tissue", "neck; thyroid; supraclavicular; thyroid gland"),
    "lymph node": ("lymph node", "lymph node; node; nodal; lymphatic"),
    "upper abdomen": (
        "abdomen",
        """
            abdomen; abdominal; upper abdomen; upper quadrant; bowel; stomach; gastric; colon; colonic;
            visualized upper abdomen; splenic flexure; bowel gas; gallbladder; biliary; bile duct;
            intraperitoneal; subdiaphragmatic; appendix; small bowel; mesentery; peritoneum; gallbladder fossa""",
    ),
    "liver": ("abdomen", "liver; hepatic; hepatic lobe; hepatic dome"),
    "spleen": ("abdomen", "spleen; splenic"),
    "kidney": ("abdomen", "kidney; renal; ureter; ureteral; renal pelvis"),
    "adrenal gland": ("abdomen", "adrenal; adrenal gland"),
    "pancreas": ("abdomen", "pancreas; pancreatic"),
    "bladder": ("abdomen", "bladder; urinary bladder"),
    "uterus": ("abdomen", "uterus; uterine; ovary; ovarian; adnexa; adnexal; endometrium; endometrial"),
    "prostate": ("abdomen", "prostate; prostatic; seminal vesicle"),
    "brain": (
        "brain",
        """
            brain; cerebral; intracranial; cerebrum; hemisphere; parenchyma of the brain; cortex; cortical;
            white matter; grey matter; gray matter; cranial; intra axial; extra axial; cerebral hemisphere;
            subcortical""",
    ),
    "frontal lobe": ("brain", "frontal lobe; frontal cortex"),
    "parietal lobe": ("brain", "parietal lobe; parietal; frontoparietal; temporoparietal"),
    "temporal lobe": ("brain", "temporal lobe; temporal; hippocampus; hippocampal; mesial temporal"),
    "occipital lobe": ("brain", "occipital lobe; occipital"),
    "cerebellum": ("brain", "cerebellum; cerebellar; posterior fossa"),
    "brainstem": ("brain", "brainstem; brain stem; pons; pontine; midbrain; medulla"),
    "basal ganglia": (
        "brain",
        "basal ganglia; thalamus; thalamic; caudate; putamen; internal capsule; lentiform nucleus",
    ),
    "ventricles of the brain": (
        "brain",
        """ventricular system; ventricles; lateral ventricles; lateral ventricle; third ventricle; fourth ventricle;
        cerebral ventricle""",
    ),
    "optic disc": ("eye", "optic disc; optic disk; optic nerve; cup to disc ratio; cup"),
    "retina": ("eye", "retina; retinal; macula; macular; fundus; fovea; foveal"),
}

FINE = frozenset(PLACES) - {
    "chest", "lung", "pleura", "bone", "pulmonary vessels", "heart", "aorta", "mediastinum", "great vessels",
    "lung volume", "brain", "cardiomediastinal silhouette", "joint",
}  # fmt: skip
"""Places that say more than the organ, and so are compared."""

PARTS = {"cardiomediastinal silhouette": ("heart", "mediastinum")}
"""Places that are two."""

NORMAL_OF = {
    # What a normal structure is without: the finding whose absence says the same.
    "heart": ("cardiomegaly",),
    "cardiomediastinal silhouette": ("cardiomegaly", "mediastinum abnormality"),
    "lung volume": ("abnormal lung volume",),
    "pulmonary vessels": ("pulmonary vessels abnormality",),
}
"""Absent when the place is called normal; every other place has "<place> abnormality"."""
