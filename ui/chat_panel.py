"""The panel beside the message box: what the chart says of the patient, how files are read, and who reasons."""

import chainlit as cl
from chainlit.input_widget import Select, Tab, TextInput

from graphs.equipment import reasoners
from ui.chat_settings import SEXES, modalities


async def offer(reasoner: str) -> None:
    """Put the settings beside the message box, `reasoner` chosen at first."""
    patient = Tab(
        id="patient",
        label="Patient",
        inputs=[
            TextInput(id="age", label="Age in years", initial="", placeholder="61"),
            Select(id="sex", label="Sex", values=list(SEXES), initial_value=SEXES[0]),
            TextInput(id="complaint", label="Complaint", initial="", placeholder="Cough for three weeks"),
            TextInput(id="history", label="History", initial="", multiline=True),
            TextInput(
                id="labs",
                label="Laboratory values, one a line; or drop a CSV table",
                initial="",
                placeholder="CRP, 48, mg/L",
                multiline=True,
            ),
        ],
    )
    files = Tab(
        id="files",
        label="Files and reasoner",
        inputs=[
            Select(id="reasoner", label="Reasoner", values=list(reasoners()), initial_value=reasoner),
            Select(
                id="modality",
                label="Modality, where the files do not say",
                values=modalities(),
                initial_value=modalities()[0],
            ),
            TextInput(
                id="spacing",
                label="Pixel spacing in mm (x, y), where the files do not say",
                initial="",
                placeholder="0.2, 0.2",
            ),
        ],
    )
    await cl.ChatSettings([patient, files]).send()
