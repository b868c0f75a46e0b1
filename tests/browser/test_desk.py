"""Working at the desk: mail arrives in the open page, an answer goes out by keyboard, and a draft is not disturbed."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.desk import Desk


def test_mail_comes_in_live_and_an_answer_goes_out(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    page = open_tab("/inbox")
    stays_loaded(page)
    asked = desk.question("Tables for Malta", "Do you deliver to Malta?")
    row = page.locator(".row-link", has_text="Tables for Malta")
    expect(row).to_be_visible()
    row.click()
    expect(page.locator(".thread")).to_contain_text("Do you deliver to Malta?")
    expect(page.locator(".why-here")).to_contain_text("A new conversation")

    page.keyboard.press("r")
    page.keyboard.type("We do, within a week.")
    page.keyboard.press("Control+Enter")
    sent = page.locator(".msg", has_text="We do, within a week.")
    expect(sent).to_be_visible()
    expect(sent.locator(".rcpt.ok")).to_have_text("Ana Ruiz")
    expect(page.get_by_role("textbox", name="Reply")).to_have_value("")
    assert is_still_loaded(page)
    page.screenshot(path=artifacts / "answered.png")

    page.goto(desk.url("/sandbox"))
    page.get_by_role("link", name="Re: Tables for Malta").click()
    expect(page.locator(".facts")).to_contain_text("ana@calderon.test")
    expect(page.locator(".facts")).to_contain_text("250 2.0.0")
    expect(page.locator(".sheet .text")).to_contain_text("We do, within a week.")
    page.get_by_role("link", name="Headers").click()
    expect(page.locator(".headers")).to_contain_text(f"<{asked.message_id}>")


def test_news_leave_draft_and_focus_alone(desk: Desk, open_tab: OpenTab) -> None:
    asked = desk.question("Chairs in oak", "Are they in stock?")
    page = open_tab(desk.page_of(asked.id))
    stays_loaded(page)
    draft = page.get_by_role("textbox", name="Reply")
    draft.fill("Half a sen")
    draft.press("End")
    desk.answer(asked, "And what about the black ones?")
    expect(page.locator(".thread")).to_contain_text("And what about the black ones?")
    expect(page.locator("#rows")).to_contain_text("And what about the black ones?")
    page.keyboard.type("tence")
    expect(draft).to_have_value("Half a sentence")
    expect(draft).to_be_focused()
    assert is_still_loaded(page)


def test_a_draft_survives_leaving_the_page(desk: Desk, open_tab: OpenTab) -> None:
    asked, other = desk.question("Draft to keep", "Please answer."), desk.question("Other mail", "Nothing.")
    page = open_tab(desk.page_of(asked.id))
    draft = page.get_by_role("textbox", name="Reply")
    draft.fill("Half a thought")
    page.goto(desk.url(desk.page_of(other.id)))
    expect(draft).to_have_value("")
    page.goto(desk.url(desk.page_of(asked.id)))
    expect(draft).to_have_value("Half a thought")
    page.get_by_role("tab", name="Note").click()
    note = page.get_by_role("textbox", name="Note")
    expect(note).to_have_value("Half a thought")
    note.press("Control+Enter")
    expect(page.locator(".msg.note")).to_contain_text("Half a thought")
    page.reload()
    expect(page.locator(".msg.note")).to_contain_text("Half a thought")
    expect(draft).to_have_value("")


def test_recipients_follow_the_conversation_until_they_are_chosen(desk: Desk, open_tab: OpenTab) -> None:
    asked = desk.question("Who is copied", "Only me.")
    page = open_tab(desk.page_of(asked.id))
    chips = page.locator("#chips")
    expect(chips.locator(".chip")).to_have_text(["Ana Ruiz"])
    desk.answer(asked, "I write from home.", "Ana at home <ana@calderon.test>")
    expect(chips.locator(".chip")).to_have_text(["Ana at home"])
    chips.locator(".chip").click()
    expect(chips.get_by_role("checkbox")).not_to_be_checked()
    desk.answer(asked, "And from work.", "Ana at work <ana@calderon.test>")
    expect(page.locator(".thread")).to_contain_text("And from work.")
    page.get_by_role("textbox", name="Reply").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".problem")).to_have_text("Choose at least one recipient.")


def test_a_failing_answer_is_told_in_the_open_page(desk: Desk, open_tab: OpenTab) -> None:
    asked = desk.question("Answer to two", "Please copy my colleague.")
    page = open_tab(desk.page_of(asked.id))
    page.get_by_role("textbox", name="Add Cc").fill("not an address")
    page.get_by_role("textbox", name="Reply").fill("Here it is.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".problem")).to_be_visible()
    expect(page.get_by_role("textbox", name="Reply")).to_have_value("Here it is.")
    page.get_by_role("textbox", name="Add Cc").fill("unknown@calderon.test")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".dlv-head")).to_contain_text("Could not be delivered to some recipients")
    expect(page.locator(".conv-head")).to_contain_text("Not delivered")


def test_the_keyboard(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    older, newer = desk.question("First of two", "One."), desk.question("Second of two", "Two.")
    page = open_tab("/inbox")
    page.keyboard.press("j")
    expect(page.locator(".conv-head h1")).to_have_text("Second of two")
    page.keyboard.press("j")
    expect(page.locator(".conv-head h1")).to_have_text("First of two")
    expect(page).to_have_url(desk.url(desk.page_of(older.id)))
    page.keyboard.press("k")
    expect(page.locator(".conv-head h1")).to_have_text("Second of two")
    expect(page).to_have_url(desk.url(desk.page_of(newer.id)))

    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Reply")).to_be_focused()
    page.keyboard.type("jkrev?")
    expect(page.get_by_role("textbox", name="Reply")).to_have_value("jkrev?")
    page.get_by_role("textbox", name="Reply").fill("")
    page.keyboard.press("Escape")

    page.keyboard.press("v")
    expect(page.get_by_role("complementary", name="Events")).to_be_visible()
    page.keyboard.press("v")
    expect(page.get_by_role("complementary", name="Events")).to_have_count(0)
    page.keyboard.press("e")
    expect(page.locator(".conv-head .l2")).to_contain_text("Closed")
    page.keyboard.press("e")
    expect(page.locator(".conv-head .l2")).to_contain_text("Open")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.screenshot(path=artifacts / "keyboard.png")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_have_count(0)


def stays_loaded(page: Page) -> None:
    """Mark the page: the mark is gone when it is loaded anew."""
    page.evaluate("window.marked = true")


def is_still_loaded(page: Page) -> bool:
    """Whether it is the page that was marked."""
    return bool(page.evaluate("window.marked === true"))
