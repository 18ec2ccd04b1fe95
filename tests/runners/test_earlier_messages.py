"""What was said before the prompt comes first in the conversation, as it stands."""

from __future__ import annotations

from pathlib import Path

from support import subtask, work_of

from luna_tui.runners.question import question_of


def test_earlier_messages_come_before_documents_and_prompt(tmp_path: Path) -> None:
    (tmp_path / "f.md").write_text("file", encoding="utf-8")
    earlier = (("user", "{{ results.a }}"), ("assistant", "yes"))
    question = question_of(
        work_of(subtask("a", prompt="now", messages=earlier, files=("f.md",)), workspace=str(tmp_path))
    )
    messages = question.messages()
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert [b["text"] for m in messages[:2] for b in m["content"]] == ["{{ results.a }}", "yes"]
    assert [b["type"] for b in messages[2]["content"]] == ["document", "text"]
    assert "yes" in question.texts
