"""The dashboard in a headless Chromium, before a gate with a real Redis and Postgres and the fake Stripe.

    browser_tests.py TOLLGATE STRIPE-FAKE FOLDER-FOR-SCREENSHOTS

Every page that is shown is looked at: no message in the console, nothing against the content security policy,
labels, headings, contrast, and no page wider than its window, in light and dark and at 380 px.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import time

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from stack import Stack, ask, until

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "accessibility.js")) as file:
    ACCESSIBILITY = file.read()


class Browser:
    def __init__(self, stack, folder):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--window-size=1280,900", "--disable-background-networking", "--no-first-run",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)
        self.stack, self.folder = stack, folder
        self.width = 1280
        # Pages tell of what the policy stopped, also where the console wouldn't.
        self.command(
            "Page.addScriptToEvaluateOnNewDocument",
            source="window.violations = []; document.addEventListener('securitypolicyviolation', "
            "(event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));",
        )
        self.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        self.look()

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def look(self, width=1280, height=900, dark=False):
        self.width = width
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[feature])

    def open(self, path, base=None, passes=True):
        self.driver.get((base or self.stack.admin) + path)
        if passes:
            self.examine()

    def examine(self, allowed=()):
        """Nothing is wrong with the page that is shown."""
        where = f"{self.driver.current_url} at {self.width} px"
        messages = [
            entry for entry in self.driver.get_log("browser")
            if entry["level"] not in ("DEBUG", "INFO") and not any(part in entry["message"] for part in allowed)
        ]
        assert not messages, f"{where}: {messages}"
        violations = self.driver.execute_script("return window.violations")
        assert violations == [], f"{where}: {violations}"
        wrong = self.driver.execute_script(ACCESSIBILITY)
        assert not wrong, f"{where}: {wrong}"
        breadth = self.driver.execute_script("return document.documentElement.scrollWidth")
        assert breadth <= self.width, f"{where}: the page is {breadth} px wide"

    def shot(self, name):
        picture = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(os.path.join(self.folder, f"{name}.png"), "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, text):
        """The link or button with this text; the page that it leads to is examined."""
        for element in self.driver.find_elements(By.CSS_SELECTOR, "main a, main button, .who button"):
            if element.text.strip() == text:
                return self.follow(element)
        raise AssertionError(f"{self.driver.current_url} has no {text!r}")

    def follow(self, element):
        before = self.driver.find_element(By.TAG_NAME, "html")
        element.click()
        until("another page", lambda: self.seen(before.is_enabled, otherwise=None) is None)
        until("the page is there", lambda: self.driver.execute_script("return document.readyState") == "complete")

    def fill(self, **fields):
        for name, value in fields.items():
            element = self.find(f"main [name={name}]")
            if element.tag_name != "select":
                element.clear()
            element.send_keys(value)

    @property
    def text(self):
        return self.find("main").text

    @staticmethod
    def seen(look, otherwise):
        """What a look at the page sees; `otherwise` while another replaces it, which the driver says in three ways."""
        try:
            return look()
        except (StaleElementReferenceException, NoSuchElementException):
            return otherwise
        except WebDriverException as error:
            if "does not belong to the document" not in str(error):
                raise
            return otherwise

    def until(self, what, condition):
        """Waits until the page is like this."""
        return until(what, lambda: self.seen(condition, otherwise=False))

    def says(self, text):
        self.until(f"the page says {text!r}", lambda: text in self.text)


def sign_in(browser, key):
    browser.open("/sign-in")
    browser.fill(key=key)
    browser.click("Sign in")


def event(stack, kind, obj, number):
    """An event of Stripe's, posted as Stripe does."""
    body = json.dumps(
        {"id": f"evt_browser_{number}", "object": "event", "type": kind, "api_version": "2025-03-31.basil",
         "created": int(time.time()), "livemode": False, "data": {"object": obj}}
    ).encode()
    stamp = str(int(time.time()))
    code = hmac.new(stack.webhook_secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return ask("POST", f"{stack.gate}/webhooks/stripe", body, {"Stripe-Signature": f"t={stamp},v1={code}"})


# --- The tests, in the order of one long visit ------------------------------------------------------


def strangers_see_the_sign_in_alone(browser, stack):
    browser.open("/users/ada?x=1")
    assert "/sign-in?next=" in browser.driver.current_url
    browser.shot("sign-in")
    browser.fill(key="tga_not_a_key_0123456789")
    browser.click("Sign in")
    browser.says("This is not a valid admin key.")
    browser.examine(allowed=["status of 401"])
    assert not browser.driver.get_cookies()


def signing_in_leads_on(browser, stack):
    browser.open("/users?plan=pro")
    browser.fill(key=stack.admin_key)
    # By keyboard.
    browser.find("[name=key]").send_keys(Keys.ENTER)
    browser.until("the users", lambda: browser.driver.current_url == f"{stack.admin}/users?plan=pro")
    browser.examine()
    cookies = browser.command("Network.getCookies")["cookies"]
    assert len(cookies) == 1, cookies
    cookie = cookies[0]
    assert cookie["name"] == "__Host-tollgate" and cookie["secure"] and cookie["httpOnly"], cookie
    assert cookie["sameSite"] == "Strict" and cookie["path"] == "/", cookie
    assert browser.driver.execute_script("return document.cookie") == ""


def empty_lists_say_what_to_do(browser, stack):
    for path, words in [
        ("/", "No decisions yet."), ("/users", "Make the first one"), ("/tenants", "Make the first one"),
        ("/backend", "Choose a user"), ("/webhooks", "Point a webhook at"), ("/audit", "session.begin"),
        ("/settings", "No stored keys"), ("/users?query=nobody", "Show all"),
    ]:
        browser.open(path)
        assert words in browser.text, f"{path}: {browser.text}"


def a_user_is_made_and_found_as_one_types(browser, stack):
    browser.open("/new-user")
    browser.fill(id="not valid", email="ada@example.com")
    browser.click("Create user")
    browser.says("This must be 1 to 128 visible ASCII characters.")
    assert browser.find("[name=email]").get_attribute("value") == "ada@example.com"
    browser.examine(allowed=["status of 400"])
    browser.fill(id="ada")
    browser.click("Create user")
    browser.says("Saved.")
    people = ["grace", "linus", "margaret", "barbara", "edsger", "donald", "katherine", "john"]
    for number, name in enumerate(people):
        body = {"email": f"{name}@example.com", "plan": ["pro", "free"][number % 2]}
        assert stack.api("PUT", f"/users/{name}", body).status == 200
    browser.open("/users")
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#results tbody tr")) == 9
    browser.find("#query").send_keys("ADA@ex")
    browser.until("one row", lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#results tbody tr")) == 1)
    assert browser.driver.current_url == f"{stack.admin}/users?query=ADA%40ex"
    browser.examine()
    browser.click("ada")
    browser.says("No tokens. Issue one")
    assert "the default plan" in browser.text, browser.text


def a_token_is_issued_used_and_its_spend_is_on_the_page(browser, stack):
    browser.open("/users/ada")
    browser.click("Issue a token")
    browser.fill(label="Firefox on the laptop")
    browser.click("Issue token")
    browser.says("This is shown once.")
    browser.examine()
    token = browser.find("#secret").get_attribute("value")
    assert re.fullmatch(r"tle_[0-9A-Za-z]{49}", token), token
    browser.find("[data-copy]").click()
    browser.says("Copied.")
    assert browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == token
    browser.click("I have copied it")
    assert token not in browser.driver.page_source
    answer = stack.check(token, tokens=12345)
    assert answer.status == 200, answer.body
    held = stack.check(token, tokens=2000, mode="reserve", ttl_s=3600)
    assert held.status == 200, held.body

    def shows_it():
        browser.driver.refresh()
        return "12,345" in browser.text and held.json["reservation"]["id"] in browser.driver.page_source

    browser.until("the spend and the hold are on the page", shows_it)
    budget = re.sub(r"\s+", " ", browser.find("dl.budget").text)
    for part in ("Used 12,345", "Held 2,000", "Remaining 35,655", "Limit 50,000"):
        assert part in budget, budget
    bar = browser.find("svg.bar title").get_attribute("textContent")
    assert bar == "Of 50,000 tokens: used 12,345, held 2,000, remaining 35,655", bar
    browser.until("the ledger has it", lambda: browser.driver.refresh() or "spend" in browser.text)
    browser.find(".numbers summary").click()
    assert "12,345" in browser.find(".numbers table").text
    browser.examine()
    return token


def granting_and_resetting_take_a_reason(browser, stack):
    browser.open("/users/ada")
    browser.click("Grant tokens")
    browser.fill(tokens="1,000", reason="An apology for the outage")
    browser.click("Grant tokens")
    browser.says("The tokens are granted")
    assert "51,000" in browser.find("dl.budget").text
    browser.examine()
    browser.click("Reset…")
    browser.says("replaced by a new one of the plan")
    browser.examine()
    browser.shot("reset")
    browser.fill(reason="Asked for by support")
    browser.click("Reset budget")
    browser.says("The budget is reset.")
    budget = re.sub(r"\s+", " ", browser.find("dl.budget").text)
    assert "Used 0" in budget and "Limit 51,000" in budget, budget
    for words in ("An apology for the outage", "Asked for by support"):
        assert words in browser.text, words
    browser.find("[aria-label^='Take back grt_g']").click()
    browser.says("can't be spent any more")
    browser.examine()
    browser.click("Cancel")


def a_revoked_token_is_refused_at_once(browser, stack, token):
    browser.open("/users/ada")
    assert stack.check(token, mode="peek").status == 200
    browser.click("Revoke…")
    browser.says("refused with 401 from its very next request on")
    browser.examine()
    browser.shot("revoke")
    assert stack.check(token, mode="peek").status == 200, "asking has revoked it"
    browser.click("Revoke token")
    refused = stack.check(token, mode="peek")
    assert refused.status == 401 and refused.json["code"] == "token_invalid", refused.body
    browser.says("The token is revoked.")
    browser.examine()


def a_token_is_rotated(browser, stack):
    old = stack.api("POST", "/users/ada/tokens", {"label": "A phone"}).json["token"]
    browser.open("/backend?query=ada")
    browser.click("Rotate…")
    browser.fill(overlap_s="0")
    browser.click("Rotate token")
    new = browser.find("#secret").get_attribute("value")
    assert new != old
    assert stack.check(new, mode="peek").status == 200 and stack.check(old, mode="peek").status == 401
    browser.click("I have copied it")


def an_unmatched_webhook_is_replayed(browser, stack):
    subscription = {
        "id": "sub_browser", "object": "subscription", "customer": "cus_browser", "status": "active",
        "items": {"object": "list", "data": [{
            "id": "si_1", "object": "subscription_item", "quantity": 1,
            "current_period_start": int(time.time()) - 60, "current_period_end": int(time.time()) + 86_400 * 30,
            "price": {"id": "price_pro_monthly", "object": "price", "recurring": {"interval": "month"}}}]},
        "metadata": {},
    }
    stored = event(stack, "customer.subscription.updated", subscription, 1)
    assert stored.status == 200, stored.body
    browser.open("/")
    browser.until("the overview counts it", lambda: browser.find("a[href='/webhooks?status=unmatched']").text)
    browser.says("unmatched")
    browser.open("/webhooks?status=unmatched")
    browser.click("evt_browser_1")
    browser.says("cus_browser")
    assert '"id": "sub_browser"' in browser.find("pre.payload").text
    browser.examine()
    browser.shot("webhook")
    status = browser.find(".facts .state").text
    assert status == "unmatched", status
    browser.click("Replay…")
    browser.says("is processed again")
    browser.examine()
    browser.click("Replay event")
    browser.says("The event was processed again")
    browser.examine()


def prices_are_compared_with_stripe(browser, stack):
    browser.open("/billing")
    rows = {row.text.split()[0]: row.text for row in browser.driver.find_elements(By.CSS_SELECTOR, "tbody tr")}
    assert "on sale" in rows["price_pro_monthly"] and "20.00 USD per month" in rows["price_pro_monthly"], rows
    assert "not at Stripe" in rows["price_gone"], rows
    browser.click("Change links")
    browser.fill(customer_portal_url="javascript:alert(1)")
    browser.driver.execute_script("document.querySelector('main form').noValidate = true")
    browser.click("Save links")
    browser.says("must be a URL")
    browser.examine(allowed=["status of 400"])
    browser.fill(customer_portal_url="https://billing.example.com/portal")
    browser.click("Save links")
    browser.says("https://billing.example.com/portal")
    browser.examine()


def tenants_have_a_pool(browser, stack):
    browser.open("/new-tenant")
    browser.fill(id="acme", name="Acme Ltd", plan="team", seats="4")
    browser.click("Create tenant")
    browser.says("Acme Ltd")
    assert "1,000,000" in browser.find("dl.budget").text or "No live grants" in browser.text, browser.text
    browser.examine()


def the_overview_is_live(browser, stack):
    token = stack.api("POST", "/users/grace/tokens", {}).json["token"]
    browser.open("/")

    def decisions():
        return int(browser.find(".tiles .big").text.replace(",", ""))

    before = decisions()
    browser.driver.execute_script("window.kept = true")
    for name in ("grace", "linus", "margaret", "barbara", "edsger", "donald", "katherine", "john"):
        token = stack.api("POST", f"/users/{name}/tokens", {}).json["token"]
        for number in range(len(name)):
            mode = "reserve" if number == 0 else "spend"
            assert stack.check(token, tokens=1000 * len(name) + 123 * number, mode=mode).status in (200, 429)

    browser.until("the figures change by themselves", lambda: decisions() >= before + 40)
    assert browser.driver.execute_script("return window.kept") is True, "the page was loaded anew"
    browser.says("live")
    browser.examine()
    browser.until("those near the limit are there", lambda: browser.driver.refresh() or browser.find(".near"))
    browser.examine()


def a_viewer_may_only_look(browser, stack):
    key = stack.api("POST", "/keys", {"kind": "admin", "role": "viewer", "label": "Support desk"}).json
    browser.click("Sign out")
    browser.says("You are signed out.")
    browser.open("/users")
    assert "/sign-in" in browser.driver.current_url
    sign_in(browser, key["key"])
    browser.open("/users/ada")
    for words in ("Issue a token", "Grant tokens", "Reset…", "Revoke…"):
        assert words not in browser.text, words
    assert not browser.driver.find_elements(By.LINK_TEXT, "Change")
    browser.open("/users/ada/reset", passes=False)
    browser.says("may only read")
    browser.examine(allowed=["status of 403"])
    # The session ends with its key, at once.
    assert stack.api("DELETE", f"/keys/{key['id']}").status == 204
    browser.open("/users")
    assert "/sign-in" in browser.driver.current_url
    sign_in(browser, stack.admin_key)


def every_page_in_light_dark_and_small(browser, stack):
    pages = {
        "overview": "/", "users": "/users", "user": "/users/ada", "ledger": "/users/ada/ledger", "tenants": "/tenants",
        "tenant": "/tenants/acme", "billing": "/billing", "backend": "/backend", "webhooks": "/webhooks",
        "webhook": "/webhooks/evt_browser_1", "audit": "/audit", "settings": "/settings", "grant": "/users/ada/grant",
        "new-key": "/settings/new-key", "new-user": "/new-user", "links": "/billing/links",
    }
    for dark in (False, True):
        for width in (1280, 380):
            browser.look(width=width, dark=dark)
            for name, path in pages.items():
                browser.open(path)
                for details in browser.driver.find_elements(By.TAG_NAME, "details")[:2]:
                    browser.driver.execute_script("arguments[0].open = true", details)
                browser.examine()
                for details in browser.driver.find_elements(By.TAG_NAME, "details")[:2]:
                    browser.driver.execute_script("arguments[0].open = false", details)
                browser.shot(f"{name}-{'dark' if dark else 'light'}-{width}")
    browser.look()


def the_keyboard_reaches_everything(browser, stack):
    browser.open("/users/ada")
    body = browser.find("body")
    body.send_keys(Keys.TAB)
    first = browser.driver.switch_to.active_element
    assert first.text == "Skip to the content", first.text
    box = first.rect
    assert box["x"] >= 0 and box["y"] >= 0, "the skip link can't be seen when it has the focus"
    wanted = browser.driver.execute_script(
        "return [...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,summary')]"
        ".filter((e) => !e.hidden && e.checkVisibility()).length"
    )
    seen = set()
    for _ in range(wanted * 3):
        active = browser.driver.switch_to.active_element
        if active.tag_name == "body":
            break
        seen.add(active.id)
        outline = browser.driver.execute_script("return getComputedStyle(arguments[0]).outlineStyle", active)
        assert outline != "none", f"no focus ring: {active.get_attribute('outerHTML')}"
        active.send_keys(Keys.TAB)
    assert len(seen) >= wanted, f"{len(seen)} of {wanted} are reached"


def without_scripts_everything_is_there(browser, stack):
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.driver.get(f"{stack.admin}/users")
        browser.find("#query").send_keys("grace")
        browser.find("form.filters button").click()
        browser.until("the search", lambda: browser.driver.current_url.startswith(f"{stack.admin}/users?query=grace"))
        browser.until("one row", lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#results tbody tr")) == 1)
        browser.driver.get(f"{stack.admin}/users/grace/grant")
        browser.fill(tokens="77", reason="Without a script")
        browser.find("form.card button").click()
        browser.says("The tokens are granted")
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)


def users_see_their_own_budget(browser, stack):
    token = stack.api("POST", "/users/grace/tokens", {"label": "me"}).json["token"]
    browser.driver.delete_all_cookies()
    for width, dark in ((1280, False), (380, True)):
        browser.look(width=width, dark=dark)
        browser.open("/me", base=stack.gate)
        browser.fill(token="tle_nothing_like_this_0123456789")
        browser.click("Show my budget")
        browser.says("This token is not valid.")
        browser.examine(allowed=["status of 401"])
        browser.fill(token=token)
        browser.click("Show my budget")
        browser.says("Remaining")
        assert browser.driver.current_url == f"{stack.gate}/me", browser.driver.current_url
        assert token not in browser.driver.page_source
        assert browser.find("a.primary").get_attribute("href") == "https://example.com/upgrade"
        browser.examine()
        browser.shot(f"me-{width}")
    browser.look()


def main():
    binary, fake, folder = map(os.path.abspath, sys.argv[1:4])
    os.makedirs(folder, exist_ok=True)
    stack = Stack(binary, fake)
    browser = None
    try:
        browser = Browser(stack, folder)
        token = None
        for test in (
            strangers_see_the_sign_in_alone, signing_in_leads_on, empty_lists_say_what_to_do,
            a_user_is_made_and_found_as_one_types, a_token_is_issued_used_and_its_spend_is_on_the_page,
            granting_and_resetting_take_a_reason, a_revoked_token_is_refused_at_once, a_token_is_rotated,
            an_unmatched_webhook_is_replayed, prices_are_compared_with_stripe, tenants_have_a_pool,
            the_overview_is_live, a_viewer_may_only_look, the_keyboard_reaches_everything,
            without_scripts_everything_is_there, every_page_in_light_dark_and_small, users_see_their_own_budget,
        ):
            start = time.monotonic()
            try:
                result = test(browser, stack, token) if test is a_revoked_token_is_refused_at_once else test(browser, stack)
            except BaseException:
                print(f"FAILED: {test.__name__.replace('_', ' ')}", flush=True)
                browser.shot("failed")
                print(stack.log("gate")[-3000:])
                raise
            token = result or token
            print(f"  {test.__name__.replace('_', ' ')}: {time.monotonic() - start:.1f} s", flush=True)
    finally:
        if browser:
            browser.driver.quit()
        stack.close()


main()
