"""The Train page: choose, train, watch.

The panel imports `TrainPage`; its job form is used for jobs that are made of selections, too.
"""

from napari_conformix.widgets.training.job_form import free_name
from napari_conformix.widgets.training.page import TrainPage
from napari_conformix.widgets.training.subset_job_dialog import SubsetJobDialog

__all__ = [
    "SubsetJobDialog",
    "TrainPage",
    "free_name",
]
