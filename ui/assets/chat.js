// Names for buttons that show a picture alone: a tooltip is nothing to who cannot see it.

const NAMES = {
  "#sidebar-trigger-button": "Show or hide the cases",
  "#search-chats-button": "Search cases",
  "#new-chat-button": "New case",
  "#upload-button": "Attach images",
  "#chat-settings-open-modal": "Patient and settings",
  "#chat-submit": "Send",
  "#stop-button": "Stop this turn",
  "#side-view-title button": "Close the evidence",
  ".positive-feedback-off, .positive-feedback-on": "Helpful",
  ".negative-feedback-off, .negative-feedback-on": "Not helpful",
  "button:has(> .lucide-copy)": "Copy to clipboard",
  "button:has(> .lucide-arrow-down)": "Go to the end",
  "button:has(> .lucide-message-circle)": "Change the comment",
};

function named() {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const button of document.querySelectorAll(selector)) {
      if (!button.hasAttribute("aria-label") && !button.innerText.trim()) button.setAttribute("aria-label", name);
    }
  }
  for (const thumb of document.querySelectorAll("[class*='-feedback-o']")) {
    thumb.setAttribute("aria-pressed", String(/-feedback-on\b/.test(thumb.className)));
  }
}

let due = false;
new MutationObserver(() => {
  if (due) return;
  due = true;
  setTimeout(() => { due = false; named(); }, 100);
}).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
named();
