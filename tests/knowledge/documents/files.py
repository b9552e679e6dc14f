"""Files of every kind, made here, that say known things."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

MARKDOWN = """---
title: Local spleen guide
publisher: County Radiology
date: 2022-03-01
licence: internal use
---
# Spleen

## Measuring

Measure the spleen in the *coronal* plane. See [the figure](http://example.org/x).

- Use the portal venous phase.

<script>alert("never shown")</script>

| sex | limit |
|---|---|
| men | 13 cm |

## Reporting

Report the splenic index.
"""

HTML = """<!DOCTYPE html><html><head><title>Gallbladder wall</title>
<meta name="citation_publication_date" content="2019/03/02"><meta property="og:site_name" content="Biliary Society">
<meta name="citation_doi" content="https://doi.org/10.1000/gall.7">
<link rel="canonical" href="https://example.org/gb"><link rel="license" href="https://example.org/by">
</head><body><nav>Home</nav><main><h1>Gallbladder wall</h1>
<p>A fasting gallbladder's wall is at most 3&nbsp;mm thick.</p>
<p hidden>HIDDEN one</p><div style="DISPLAY : none">HIDDEN two</div><script>HIDDEN three</script>
<span style="font-size:0px">HIDDEN four</span><!-- HIDDEN five -->
<h2>Counts</h2><p>About 10<sup>9</sup> cells.</p><table><tr><th>sex</th><th>n</th></tr><tr><td>men</td><td>7</td></tr>
</table></main><footer>Imprint</footer></body></html>"""

JATS = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and Interchange DTD v1.2 20190208//EN"
 "JATS-archivearticle1.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink"><front>
<journal-meta><journal-title-group><journal-title>Journal of Striped Lungs</journal-title></journal-title-group>
<publisher><publisher-name>A Press</publisher-name></publisher></journal-meta>
<article-meta><article-id pub-id-type="pmid">1</article-id><article-id pub-id-type="doi">10.1234/abc.5</article-id>
<title-group><article-title>Nodules of the <italic>zebra</italic> lung</article-title></title-group>
<pub-date pub-type="collection"><year>2021</year></pub-date><pub-date pub-type="epub"><year>2020</year></pub-date>
<permissions><license xlink:href="http://creativecommons.org/licenses/by/4.0/"><license-p>CC</license-p></license>
</permissions><abstract><p>We studied &alpha;-zebras <xref ref-type="bibr" rid="r1">1</xref>.</p></abstract>
</article-meta></front><body>
<sec><title>Results</title><p>Ten nodules (10<sup>3</sup> voxels) were found
<xref ref-type="bibr" rid="r1">[<italic>2</italic>]</xref>.</p>
<sec><title>Follow-up</title><p>None grew.</p></sec>
<p>Back in the results.</p>
<fig id="f1"><label>Figure 1.</label><caption><title>Zebra lungs</title><p>CT of one zebra.
(A) Axial image shows a nodule.
(B, C) Coronal and sagittal images; (D) the same nodule a year later.</p></caption><graphic xlink:href="f1.jpg"/></fig>
<fig-group><label>Figure 2</label><caption><p>MR of a foal.</p></caption>
<fig><label>(a)</label><caption><p>T1 weighted.</p></caption></fig>
<fig><label>(b)</label><caption><p>T2 weighted.</p></caption></fig>
</fig-group>
<table-wrap><label>Table 1</label><caption><p>Sizes</p></caption>
<table><thead><tr><th>nodule</th><th>mm</th></tr></thead>
<tbody><tr><td>1</td><td>5</td></tr></tbody></table></table-wrap></sec></body>
<back><ref-list><ref><mixed-citation>Somebody. Never an excerpt.</mixed-citation></ref></ref-list></back></article>"""

OBO = r"""format-version: 1.2
data-version: releases/2024-05-29
ontology: doid
default-namespace: disease_ontology
property_value: terms:license "https://creativecommons.org/publicdomain/zero/1.0/" xsd:anyURI

[Term]
id: DOID:1
name: zebra disease
def: "A disease of \"zebras\"." [url:https\://example.org/z]
synonym: "stripe disease" EXACT []
is_a: DOID:4 ! disease

[Term]
id: DOID:4
name: disease ! the root
def: "Any." []

[Term]
id: DOID:9
name: gone disease
def: "Old." []
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""

ROWS = [
    {
        "id": "1-1", "focus": "Striped lung", "type": "symptoms", "question": "What are the symptoms of Striped lung ?",
        "answer": "Stripes on the chest film.", "url": "https://example.org/s", "source": "GARD",
    },
    {"id": "1-2", "focus": "Striped lung", "question": "Is Striped lung inherited ?", "answer": "It is not.",
     "url": "javascript:alert(1)", "source": "GHR"},
]  # fmt: skip


def medquad(path: Path, rows: Sequence[object] = ROWS) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def pdf(path: Path, pages: Sequence[Sequence[str]], outline: Sequence[tuple[str, int]] = (), **about: str) -> Path:
    """A PDF with these lines of text on its pages.

    Args:
        outline: Headings with their pages from 0.
        about: Of the document, such as Title.
    """
    writer = PdfWriter()
    font = writer._add_object(
        DictionaryObject({
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        })
    )  # fmt: skip
    for lines in pages:
        page = writer.add_blank_page(595, 842)
        content = DecodedStreamObject()
        shown = " ".join(f"({line}) Tj 0 -{14 if line else 28} Td" for line in lines)
        content.set_data(f"BT /F1 11 Tf 50 800 Td {shown} ET".encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(content)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
    for heading, number in outline:
        writer.add_outline_item(heading, number)
    writer.add_metadata({f"/{name}": value for name, value in about.items()})
    writer.write(path)
    return path
