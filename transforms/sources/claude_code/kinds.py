"""The kinds of lines and blocks of the recorded versions, as listed in docs/reference/claude-code.md.

Of other types only the links are read; reports and `chatsieve inspect` count them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transforms.sources.unknown_kinds import plain

LINES = frozenset(
    "user assistant system summary file-history-snapshot queue-operation progress attachment "
    "permission-mode mode last-prompt custom-title ai-title agent-name agent-color agent-setting tag pr-link "
    "bridge-session worktree-state turn_end atis-latch cost-state started result".split()
)
_SYSTEM = frozenset(
    "compact_boundary microcompact_boundary local_command stop_hook_summary turn_duration api_error "
    "informational away_summary bridge_status scheduled_task_fire memory_saved agents_killed "
    "permission_retry api_metrics".split()
)
_PROGRESS = frozenset(
    "hook_progress bash_progress powershell_progress mcp_progress agent_progress skill_progress "
    "waiting_for_task query_update search_results_received".split()
)
_ATTACHMENTS = frozenset(
    "queued_command hook_success hook_additional_context hook_blocking_error hook_non_blocking_error "
    "hook_cancelled hook_error_during_execution hook_stopped_continuation hook_system_message "
    "hook_permission_decision async_hook_response file compact_file_reference directory edited_text_file "
    "edited_image_file pdf_reference already_read_file selected_lines_in_ide opened_file_in_ide "
    "nested_memory relevant_memories task_reminder todo_reminder todo task_status plan_mode plan_mode_exit "
    "plan_mode_reentry plan_file_reference auto_mode auto_mode_exit skill_listing skill_discovery "
    "dynamic_skill invoked_skills command_permissions diagnostics output_style date_change ultrathink_effort "
    "deferred_tools_delta agent_listing_delta mcp_instructions_delta mcp_resource agent_mention "
    "critical_system_reminder token_usage budget_usd compaction_reminder context_efficiency "
    "structured_output teammate_mailbox team_context verify_plan_reminder companion_intro credential_org "
    "session_context agent_setting max_turns_reached current_session_memory bagel_console".split()
)
#: By line type: the field with the kind (or with an object whose `type` is the kind), and the known kinds.
KINDS: dict[str, tuple[str, frozenset[str]]] = {
    "system": ("subtype", _SYSTEM),
    "progress": ("data", _PROGRESS),
    "attachment": ("attachment", _ATTACHMENTS),
    "queue-operation": ("operation", frozenset({"enqueue", "dequeue", "remove", "popAll"})),
}


def unknown_kinds(line_type: str, line: dict[str, Any]) -> Iterator[str]:
    """`TYPE` of a line of an unknown type; `TYPE KIND` of one of a known type and an unknown kind."""
    if line_type not in LINES:
        yield plain(line_type)
    elif line_type in KINDS:
        field, known = KINDS[line_type]
        held = line.get(field)
        kind = held.get("type") if isinstance(held, dict) else held
        if isinstance(kind, str) and kind not in known:
            yield f"{line_type} {plain(kind)}"
