"""The page in a real browser: every control does what it says, nothing fails, nothing is loaded."""

import io
import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from linksim.evaluation.usage import constellation_usage
from linksim.report.page import Overlay, constellations, write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: apt-get install chromium chromium-driver"
)

PATIENCE_S = 10


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # In containers the sandbox and the small shared memory keep it from starting.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


class Page:
    """What a reader does and sees."""

    def __init__(self, driver):
        self.driver = driver

    def mouse(self):
        """Moves of the mouse, to be performed."""
        from selenium.webdriver import ActionChains

        return ActionChains(self.driver, duration=50)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def one(self, css):
        return self.driver.find_element("css selector", css)

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def box(self, element):
        """Where it is drawn, with all transformations."""
        return self.run("return arguments[0].getBoundingClientRect().toJSON()", element)

    def visible(self, css):
        return [found for found in self.all(css) if found.is_displayed()]

    def click(self, css):
        """Scroll there and click as a mouse does, so that what is covered cannot be clicked."""
        target = self.one(css)
        self.run("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", target)
        target.click()

    def wait(self, condition, what):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE_S} s: {what}"
            time.sleep(0.02)

    def insist(self, attempt, what):
        """Try until it works: on a loaded machine the clicks of a pair come too late to be one, and a move
        of the mouse comes while the chart is being drawn."""
        end = time.monotonic() + PATIENCE_S
        while not attempt():
            assert time.monotonic() < end, f"tried for {PATIENCE_S} s: {what}"
            time.sleep(0.7)

    def plot(self, expression):
        """A value of Plotly's chart, as `data.length`."""
        return self.run(f"return document.getElementById('chart').{expression}")

    @property
    def curves(self):
        """The names of the lines drawn."""
        return {trace["name"] for trace in self.plot("data") if trace.get("fill") != "toself"}

    def screenshot(self):
        return np.asarray(Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the tests' one page lies."""
    return tmp_path_factory.mktemp("page") / "report.html"


@pytest.fixture
def written(place, make_run, monkeypatch):
    """The page of the made-up run, with a constellation and an overlay."""
    if not place.exists():
        points = np.array([1 + 1j, -1 + 1j, -1 - 1j, 1 - 1j]) / np.sqrt(2)
        usage = constellation_usage(points, [0, 0, 1, 2, 2, 2], "6 of photos")
        monkeypatch.setattr(constellations, "measured", lambda run, tell: ([("<4QAM>", usage)], []))
        overlay = Overlay("Paper", "snr_db", "psnr_db", ((1, 20.5), (7, 25)), "Fig. 3")
        write_page(make_run(), place, overlays=[overlay])
    return place


@pytest.fixture
def page(browser, written):
    """The page, opened 1000 px wide in light; afterwards nothing has failed and nothing was fetched."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", preferring("light"))
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen(1000, 800))
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(written.as_uri())
    opened = Page(browser)
    opened.wait(lambda: opened.all("#chart .plot-container"), "the chart is drawn")
    yield opened
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    fetched = [
        message["params"]["request"]["url"].partition(":")[0]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert set(fetched) <= {"file", "data", "blob"}
    assert fetched.count("file") >= 1


def preferring(scheme):
    """The system's colour scheme, for the browser's protocol."""
    return {"features": [{"name": "prefers-color-scheme", "value": scheme}]}


def screen(width, height, mobile=False):
    """A screen, for the browser's protocol."""
    return {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}


def test_the_reader_chooses_toggles_and_zooms_curves(page, made_up):
    assert page.curves >= {"BPG + LDPC", "bound", "Paper"}
    assert page.plot("layout.xaxis.range") == pytest.approx([-0.3, 10.3])
    names = [button.text for button in page.all("#legend button")]
    # A label with tags is shown as it is written.
    assert names[:4] == ["BPG + LDPC", made_up.naughty, "Paper", "bound"]
    assert page.one("#chart-notes").text == "Paper: Fig. 3"

    page.click('#legend button[data-label="BPG + LDPC"]')
    assert "BPG + LDPC" not in page.curves
    assert page.one('#legend button[data-label="BPG + LDPC"]').get_attribute("aria-pressed") == "false"
    # Hidden stays hidden on another axis, and the keyboard works.
    page.click('input[value="bler"]')
    assert (page.plot("layout.yaxis.type"), page.one("#log").is_selected()) == ("log", True)
    assert "BPG + LDPC" not in page.curves
    page.one('#legend button[data-label="BPG + LDPC"]').send_keys(" ")
    assert "BPG + LDPC" in page.curves
    page.click("#log")
    assert page.plot("layout.yaxis.type") == "linear"
    page.click('input[value="psnr_db"]')

    def double_clicked():
        page.mouse().double_click(page.one('#legend button[data-label="bound"]')).perform()
        return page.curves

    page.insist(lambda: double_clicked() == {"bound"}, "the curve is alone")
    page.insist(lambda: double_clicked() >= {"BPG + LDPC", "bound", "Paper"}, "all curves are back")

    area = page.one("#chart .nsewdrag")
    page.run("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", area)
    move = page.mouse().move_to_element_with_offset(area, -100, -60)
    move.move_to_element_with_offset(area, -100, -60).click_and_hold().move_by_offset(
        200, 120
    ).release().perform()
    page.wait(lambda: page.plot("layout.xaxis.range")[1] < 9, "the chart is zoomed")
    low, high = page.plot("layout.xaxis.range")
    # Toggling a curve keeps the view.
    page.click('#legend button[data-label="Paper"]')
    assert page.plot("layout.xaxis.range") == [low, high]
    page.click('#chart [data-attr="zoom"][data-val="reset"]')
    page.wait(lambda: page.plot("layout.xaxis.range")[1] > 9, "the view is reset")

    page.run("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", area)

    def pointed():
        page.mouse().move_to_element_with_offset(area, -30, -9).perform()
        page.mouse().move_to_element_with_offset(area, 0, -5).perform()
        return page.all("#chart .hoverlayer .hovertext")

    page.insist(pointed, "a point tells its numbers")
    assert "SNR 5" in page.one("#chart .hoverlayer").text


def test_the_reader_walks_through_pictures(page, made_up):
    def captions():
        return [caption.text.split("\n")[:2] for caption in page.visible("#wall figcaption")]

    def picture():
        return page.visible("#wall img")[1].get_attribute("src")

    # At first the higher of the two SNRs, where nothing is lost.
    assert [caption[0] for caption in captions()] == ["Original", *made_up.systems[:2]]
    assert page.one("#snr-shown").text == "10 dB"
    before = picture()
    page.one("#snr").send_keys("\ue012")  # the left arrow
    assert page.one("#snr-shown").text == "0 dB"
    assert page.one("#snr").get_attribute("aria-valuetext") == "0 dB"
    assert picture() != before
    assert captions()[2][1].endswith("outage")
    assert len(page.visible("#wall .lost")) == 1
    page.click('input[name="image"][value="1"]')
    assert page.visible("#wall img")[0].get_attribute("alt") == "<cup>, original"

    page.click("#zoom-in")
    page.click("#zoom-in")
    assert page.one("#zoom-shown").text == "4×"
    views = page.visible("#wall .view")
    images = page.visible("#wall img")
    widths = [4 * page.box(view)["width"] for view in views]
    assert [page.box(image)["width"] for image in images] == pytest.approx(widths)
    where = [page.box(image)["x"] for image in images]
    page.mouse().drag_and_drop_by_offset(views[0], 30, 10).perform()
    moved = [page.box(image)["x"] - x for image, x in zip(images, where)]
    assert moved == pytest.approx([30] * 3, abs=1)
    views[1].send_keys("\ue014")  # the right arrow shows what lies to the right
    assert page.box(images[0])["x"] < where[0] + 30
    page.click("#zoom-out")
    page.click("#zoom-out")
    assert page.one("#zoom-shown").text == "1×"
    assert page.box(images[0]) == pytest.approx(page.box(views[0]))


def test_the_theme_changes_everything_and_is_remembered(page):
    def ground():
        return page.run("return getComputedStyle(document.body).backgroundColor")

    light, light_ink = ground(), page.plot("layout.font.color")
    assert page.screenshot()[5, 5].tolist() == [255, 255, 255]
    page.click("#theme")
    page.wait(lambda: ground() != light, "the page is dark")
    assert page.plot("layout.font.color") != light_ink
    assert page.plot("layout.paper_bgcolor") == "#14171c"
    page.run("scrollTo({top: 0, behavior: 'instant'})")
    assert page.screenshot()[5, 5].tolist() == [0x14, 0x17, 0x1C]
    page.driver.refresh()
    page.wait(lambda: page.all("#chart .plot-container"), "the chart is drawn")
    assert ground() != light
    assert page.one("#theme").text == "Light"
    page.click("#theme")
    assert ground() == light
    page.run("localStorage.clear()")


def test_the_theme_follows_the_system(page):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", preferring("dark"))
    page.wait(lambda: page.plot("layout.paper_bgcolor") == "#14171c", "the chart is dark")
    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"


def test_constellations_and_tables(page):
    panel = page.one(".constellation")
    page.run("arguments[0].scrollIntoView({behavior: 'instant'})", panel)
    page.wait(lambda: page.all(".constellation .plot-container"), "the constellation is drawn")
    unused, used = page.run("return document.querySelector('.constellation').data")
    assert (len(unused["x"]), used["customdata"]) == (1, pytest.approx([1 / 6, 1 / 3, 1 / 2], abs=1e-3))
    assert used["marker"]["size"] == sorted(used["marker"]["size"])

    def column():
        cells = "document.querySelectorAll('#results .sortable tbody tr > :nth-child(3)')"
        return page.run(f"return [...{cells}].slice(0, 9).map((cell) => cell.textContent)")

    heading = ".sortable thead th:nth-child(3)"
    page.click(heading)
    assert page.one(heading).get_attribute("aria-sort") == "ascending"
    assert column() == [f"{snr}.0000" for snr in (0, 0, 0, 5, 5, 5, 10, 10, 10)]
    page.one(heading).send_keys("\n")
    assert page.one(heading).get_attribute("aria-sort") == "descending"
    assert column()[0] == "10.0000"


def test_a_phone_shows_all_of_it(page):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen(360, 740, mobile=True))
    page.wait(lambda: page.one("#chart .main-svg").rect["width"] <= 360, "the chart fits")
    assert page.run("return document.documentElement.scrollWidth") <= 360
    assert len(page.visible("#wall img")) == 3


def test_without_scripts_the_figure_and_the_pictures_are_there(page):
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.refresh()
        (static,) = page.all(".static svg")
        assert static.rect["height"] > 200
        figures = [found.value_of_css_property("display") for found in page.all("#wall figure")]
        assert figures == ["block"] * 10
        controls = page.all("#chart, #theme, .controls")
        assert [found.value_of_css_property("display") for found in controls] == ["none"] * 4
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
