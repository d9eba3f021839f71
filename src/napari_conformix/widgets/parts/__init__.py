"""Small widgets that pages share: forms, tables, plots, banners, the settings form.

Nothing here knows what is open.
"""

from napari_conformix.widgets.parts import data_summary
from napari_conformix.widgets.parts.banner import Banner, BiasBanner, DoubtBanner
from napari_conformix.widgets.parts.column_box import ColumnBox, Entry
from napari_conformix.widgets.parts.data_summary import EnclosedVolume, Summary, kilodaltons
from napari_conformix.widgets.parts.forms import Entries, combo, dock_of, fill, form_of
from napari_conformix.widgets.parts.fsc_plot import FscFamily, FscPlot, ResolutionAxis
from napari_conformix.widgets.parts.message_bar import MessageBar
from napari_conformix.widgets.parts.no_decoder import (
    NO_MOLECULE,
    NO_MOTION,
    NO_MOVIE,
    NothingToTrain,
)
from napari_conformix.widgets.parts.plots import (
    DirectionPlot,
    EpochAxis,
    HistogramPlot,
    Plot,
    text_colour,
)
from napari_conformix.widgets.parts.settings_form import ChoiceBox, FloatBox, IntBox, SettingsForm
from napari_conformix.widgets.parts.style import (
    HALF_COLOURS,
    LAID_OUT_MS,
    PHASE_COLOURS,
    SEVERITY_COLOURS,
    SEVERITY_SIGNS,
    STATE_COLOURS,
    TOOL_BUTTON,
    Chip,
    Fold,
    bring_into_view,
    heading,
    hint,
    in_bytes,
    in_words,
    sentence,
    signed,
)
from napari_conformix.widgets.parts.table import CENTRE, RIGHT, Column, Table
from napari_conformix.widgets.parts.tile_grid import TileGrid

__all__ = [
    "CENTRE",
    "HALF_COLOURS",
    "LAID_OUT_MS",
    "NO_MOLECULE",
    "NO_MOTION",
    "NO_MOVIE",
    "PHASE_COLOURS",
    "RIGHT",
    "SEVERITY_COLOURS",
    "SEVERITY_SIGNS",
    "STATE_COLOURS",
    "TOOL_BUTTON",
    "Banner",
    "BiasBanner",
    "Chip",
    "ChoiceBox",
    "Column",
    "ColumnBox",
    "DirectionPlot",
    "DoubtBanner",
    "EnclosedVolume",
    "Entries",
    "Entry",
    "EpochAxis",
    "FloatBox",
    "Fold",
    "FscFamily",
    "FscPlot",
    "HistogramPlot",
    "IntBox",
    "MessageBar",
    "NothingToTrain",
    "Plot",
    "ResolutionAxis",
    "SettingsForm",
    "Summary",
    "Table",
    "TileGrid",
    "bring_into_view",
    "combo",
    "data_summary",
    "dock_of",
    "fill",
    "form_of",
    "heading",
    "hint",
    "in_bytes",
    "in_words",
    "kilodaltons",
    "sentence",
    "signed",
    "text_colour",
]
