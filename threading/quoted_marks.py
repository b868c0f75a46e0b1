"""How mail programs mark what they quote in HTML, as data: classes, ids and attributes, all lower case."""

QUOTE_CLASSES = frozenset(
    (
        "gmail_quote", "gmail_quote_container", "gmail_extra", "gmail_attr", "gmail_signature", "mcntgmail_quote",
        "yahoo_quoted", "yahoo-quoted-begin", "moz-cite-prefix", "moz-signature", "protonmail_quote",
        "protonmail_signature_block", "zmail_extra", "zmail_extra_hr", "tutanota_quote", "freebirdquote",
        "front-blockquote", "front-signature", "ms-outlook-mobile-reference-message",
        "ms-outlook-mobile-body-separator-line", "ms-outlook-ios-reference-expand",
        "ms-outlook-ios-signature-reference", "outlookmessageheader", "applemailquote", "applemailsignature",
        "airmail_ext_on", "bloop_original_html", "bloop_sign", "sh-quoted-content", "sh-signature", "missive_quote",
        "__aliyun_previous_quote", "mail-quote-collapse", "mb_quote", "mb_sig", "polymail_quote", "nylas-quote",
        "mailbutler-quote", "cite2", "shortwave-quote", "spike-quote", "hey-quote", "ntes-mailmaster-quote",
        "xm_quote", "edo-original", "newton_quote", "canary_quote",
    )
)  # fmt: skip
"""Classes of elements that hold a quoted mail, what announces it, or a signature."""

QUOTE_IDS = frozenset(
    (
        "olk_src_body_section", "yahoo_quoted", "isforwardcontent", "isreplycontent", "replyblockquote", "origbody",
        "mail-editor-reference-message-container", "blockquote_zmail", "qt", "applemailsignature",
        "appleoriginalcontents", "applesignature", "mobile_quote", "ms-outlook-mobile-signature",
        "signature-x", "composer_signature", "bloop_customfont_sign", "edo-original", "edo-signature",
        "ymail_android_signature", "hwhtmlsignature", "sec_signature", "zimbra_quoted",
    )
)  # fmt: skip
"""Ids of such elements."""

END_IDS = frozenset(
    (
        "divrplyfwdmsg", "appendonsend", "stopspelling", "zwchr", "reply-intro", "gatepost-reply-above", "spnquote",
        "divtagdefaultwrapper-quote", "outlookreplyforwarddivider", "htc_header", "original-content",
    )
)  # fmt: skip
"""Ids of elements after which everything is quoted."""

QUOTE_NAMES = frozenset(("quote", "messagereplysection", "messagesignaturesection"))
"""Values of the `name` attribute of such elements (GMX, Spark)."""

END_MARKERS = frozenset(("__quoted_text__", "__hr__", "__headers__"))
"""Values of the `data-marker` attribute after which everything is quoted (Zimbra)."""

BORDERS = (
    "border-top:solid#e1e1e1", "border-top:solid#b5c4df", "border-top:1ptsolid", "border-top:1.0ptsolid",
    "border-top:solid#b5c4de", "border-top:1pxsolid#b5c4df", "border-top:1pxsolid#e1e1e1",
    "border-top:solidwindowtext", "border-top:solid#a0a0a0",
)  # fmt: skip
"""Parts of the styles, without blanks, of the line that Outlook draws above a quoted header."""
