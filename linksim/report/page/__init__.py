"""One HTML page that shows a run: no other file and no network is needed to read it."""

from linksim.report.page.charts import Overlay
from linksim.report.page.document import write_page

__all__ = ["Overlay", "write_page"]
