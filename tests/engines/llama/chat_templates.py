# ruff: noqa: RUF001 - DeepSeek writes its control tokens with full-width bars
"""Compact chat templates that write what the families' real ones write."""

_CHATML = """
{%- macro turn(role, text) %}<|im_start|>{{ role }}
{{ text }}<|im_end|>
{% endmacro -%}
"""

PLAIN = """{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

HERMES = (
    _CHATML
    + """
{%- if tools %}
{{- turn('system', (messages[0].content + '\\n\\n' if messages[0].role == 'system' else '')
    + 'Tools: ' + (tools | tojson) + ' Answer <tool_call>{"name": …, "arguments": …}</tool_call> to call one.') }}
{%- endif %}
{%- for m in messages %}
  {%- if m.role == 'tool' %}{{- turn('user', '<tool_response>' + m.content + '</tool_response>') }}
  {%- elif m.tool_calls %}
    {{- '<|im_start|>assistant\\n' + m.content }}
    {%- for call in m.tool_calls %}
      {{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
      {{- call.function.arguments | tojson }}{{ '}\\n</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
  {%- elif not (tools and loop.first and m.role == 'system') %}{{- turn(m.role, m.content) }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""
)

QWEN3 = (
    HERMES
    + """
{%- if add_generation_prompt and enable_thinking is defined and not enable_thinking %}
  {{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}"""
)

ALWAYS_THINKS = PLAIN.replace(
    "<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}"
)

LLAMA3 = """{{ bos_token }}
{%- for m in messages %}
  {%- if m.role == 'user' and loop.last and tools %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\nFunctions: ' + (tools | tojson(indent=4)) + m.content + '<|eot_id|>' }}
  {%- elif 'tool_calls' in m %}
    {%- if m.tool_calls | length != 1 %}{{ raise_exception('one call at a time') }}{% endif %}
    {%- set call = m.tool_calls[0].function %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n{"name": "' + call.name + '", "parameters": ' }}
    {{- call.arguments | tojson }}{{ '}<|eot_id|>' }}
  {%- else %}
    {{- '<|start_header_id|>' + ('ipython' if m.role == 'tool' else m.role) + '<|end_header_id|>\\n\\n' }}
    {{- (tools | tojson if tools and m.role == 'system') ~ m.content + '<|eot_id|>' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"""

MISTRAL = """{{ bos_token }}
{%- for m in messages %}
  {%- if m.role == 'user' %}
    {{- ('[AVAILABLE_TOOLS]' + (tools | tojson) + '[/AVAILABLE_TOOLS]' if tools else '') + '[INST]' + m.content + '[/INST]' }}
  {%- elif m.tool_calls is defined %}
    {{- '[TOOL_CALLS][' }}
    {%- for call in m.tool_calls %}
      {%- if call.id | length != 9 %}{{ raise_exception('ids have 9 characters') }}{% endif %}
      {{- '{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) }}
      {{- ', "id": "' + call.id + '"}' }}
    {%- endfor %}
    {{- ']' + eos_token }}
  {%- elif m.role == 'tool' %}{{- '[TOOL_RESULTS]' + m.content + '[/TOOL_RESULTS]' }}
  {%- elif m.role == 'assistant' %}{{- m.content + eos_token }}
  {%- else %}{{ raise_exception('only user, assistant and tool speak here') }}
  {%- endif %}
{%- endfor %}"""

MISTRAL_NAMED = (
    MISTRAL.replace("{{- '[TOOL_CALLS][' }}", "")
    .replace(
        """'{"name": "' + call.function.name + '", "arguments": '""",
        "'[TOOL_CALLS]' + call.function.name + '[ARGS]'",
    )
    .replace("""{{- ', "id": "' + call.id + '"}' }}""", "")
    .replace("']' + eos_token", "eos_token")
)

DEEPSEEK = """{{ bos_token }}
{%- for m in messages %}
  {%- if m.role == 'system' %}{{- m.content }}
  {%- elif m.role == 'user' %}{{- '<｜User｜>' + m.content }}
  {%- elif m.tool_calls is defined %}
    {{- '<｜Assistant｜>' + m.content + '<｜tool▁calls▁begin｜>' }}
    {%- for call in m.tool_calls %}
      {{- '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + call.function.name + '\\n```json\\n' }}
      {{- call.function.arguments + '\\n```<｜tool▁call▁end｜>' }}
    {%- endfor %}
    {{- '<｜tool▁calls▁end｜>' + eos_token }}
  {%- elif m.role == 'tool' %}{{- '<｜tool▁output▁begin｜>' + m.content + '<｜tool▁output▁end｜>' }}
  {%- else %}{{- '<｜Assistant｜>' + (m.content.split('</think>') | last) + eos_token }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<｜Assistant｜>' }}{% endif %}"""

DEEPSEEK_PLAIN = DEEPSEEK.replace(
    "function<｜tool▁sep｜>' + call.function.name + '\\n```json\\n'",
    "' + call.function.name + '<｜tool▁sep｜>'",
).replace("'\\n```<｜tool▁call▁end｜>'", "'<｜tool▁call▁end｜>'")

KIMI = """
{%- if tools %}{{- '<|im_system|>tool_declare<|im_middle|>' + (tools | tojson) + '<|im_end|>' }}{% endif %}
{%- for m in messages %}
  {{- '<|im_' + m.role + '|>' + m.role + '<|im_middle|>' + m.content }}
  {%- if m.tool_calls %}
    {{- '<|tool_calls_section_begin|>' }}
    {%- for call in m.tool_calls %}
      {{- '<|tool_call_begin|>functions.' + call.function.name + ':' ~ loop.index0 ~ '<|tool_call_argument_begin|>' }}
      {{- call.function.arguments | tojson }}{{ '<|tool_call_end|>' }}
    {%- endfor %}
    {{- '<|tool_calls_section_end|>' }}
  {%- endif %}
  {{- '<|im_end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_assistant|>assistant<|im_middle|>' }}{% endif %}"""

HARMONY = """<|start|>system<|message|>Valid channels: analysis, commentary, final.<|end|>
{%- if tools %}{{- '<|start|>developer<|message|>' + (tools | tojson) + '<|end|>' }}{% endif %}
{%- for m in messages %}
  {%- if m.role == 'tool' %}{{- '<|start|>functions.' + m.name + ' to=assistant<|channel|>commentary<|message|>' + m.content + '<|end|>' }}
  {%- elif m.tool_calls %}
    {%- set call = m.tool_calls[0].function %}
    {{- '<|start|>assistant to=functions.' + call.name + '<|channel|>commentary json<|message|>' }}
    {{- call.arguments | tojson }}{{ '<|call|>' }}
  {%- else %}{{- '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{% endif %}"""

STRICT_TURNS = """{{ bos_token }}
{%- for m in messages %}
  {%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate user/assistant') }}{% endif %}
  {{- '<start_of_turn>' + m.role + '\\n' + m.content | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{% endif %}"""

_TAGGED = """
{%- if tools %}{{- '[tools]' + (tools | tojson) + '\\n' }}{% endif %}
{%- for m in messages %}
  {{- '[' + m.role + ']' + m.content }}
  {%- for call in m.tool_calls or [] %}
    {{- OPEN }}
    {%- for key, value in call.function.arguments | items %}
      {{- KEY }}{{ value if value is string else value | tojson }}{{ END }}
    {%- endfor %}
    {{- CLOSE }}
  {%- endfor %}
  {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '[assistant]' }}{% endif %}"""

QWEN_CODER = (
    _TAGGED.replace("OPEN", "'<tool_call>\\n<function=' + call.function.name + '>\\n'")
    .replace("KEY", "'<parameter=' + key + '>\\n'")
    .replace("END", "'\\n</parameter>\\n'")
    .replace("CLOSE", "'</function>\\n</tool_call>'")
)

GLM = (
    _TAGGED.replace("OPEN", "'<tool_call>' + call.function.name + '\\n'")
    .replace("KEY", "'<arg_key>' + key + '</arg_key>\\n<arg_value>'")
    .replace("END", "'</arg_value>\\n'")
    .replace("CLOSE", "'</tool_call>'")
)

MINIMAX = (
    _TAGGED.replace("OPEN", "'<minimax:tool_call>\\n<invoke name=\"' + call.function.name + '\">\\n'")
    .replace("KEY", "'<parameter name=\"' + key + '\">'")
    .replace("END", "'</parameter>\\n'")
    .replace("CLOSE", "'</invoke>\\n</minimax:tool_call>'")
)

_LISTED = """
{%- if tools %}{{- '[tools]' + (tools | tojson) + '\\n' }}{% endif %}
{%- for m in messages %}
  {{- '[' + m.role + ']' + m.content }}
  {%- if m.tool_calls %}
    {{- OPEN }}
    {%- for call in m.tool_calls %}
      {{- CALL + call.function.name + ARGUMENTS + (call.function.arguments | tojson) + '}' }}
      {{- '' if loop.last else ', ' }}
    {%- endfor %}
    {{- CLOSE }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '[assistant]' }}{% endif %}"""

NEMOTRON = (
    _LISTED.replace("OPEN", "'<TOOLCALL>['")
    .replace("CALL +", """'{"name": "' +""")
    .replace("ARGUMENTS", """'", "arguments": '""")
    .replace("CLOSE", "']</TOOLCALL>'")
)

COMMAND_R = (
    _LISTED.replace("OPEN", "'<|START_ACTION|>[\\n'")
    .replace("CALL +", """'{"tool_call_id": "0", "tool_name": "' +""")
    .replace("ARGUMENTS", """'", "parameters": '""")
    .replace("CLOSE", "'\\n]<|END_ACTION|>'")
)

GIGACHAT = NEMOTRON.replace("<TOOLCALL>[", "<|function_call|>").replace("]</TOOLCALL>", "<|message_sep|>")

DEEPSEEK_NULL = DEEPSEEK.replace("m.tool_calls is defined", "m.content is none").replace(
    "'<｜Assistant｜>' + m.content + '<｜tool▁calls▁begin｜>'", "'<｜Assistant｜><｜tool▁calls▁begin｜>'"
)
