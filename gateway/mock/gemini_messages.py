"""The messages of Gemini's API and their fields: one table for each. Pure."""

from __future__ import annotations

from gateway.mock.gemini_proto import (
    Field,
    Message,
    a_flag,
    a_number,
    a_struct,
    a_text,
    a_value,
    an_enum,
    an_integer,
    mapped,
    repeated,
    some_bytes,
)

_RESOLUTIONS = ("MEDIA_RESOLUTION_UNSPECIFIED", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM",
                "MEDIA_RESOLUTION_HIGH")  # fmt: skip
_CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY", "JAILBREAK",
               "IMAGE_HATE", "IMAGE_HARASSMENT", "IMAGE_DANGEROUS_CONTENT", "IMAGE_SEXUALLY_EXPLICIT")  # fmt: skip
_THRESHOLDS = ("HARM_BLOCK_THRESHOLD_UNSPECIFIED", "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH",
               "BLOCK_NONE", "OFF")  # fmt: skip
_TOOL_TYPES = ("GOOGLE_SEARCH_WEB", "GOOGLE_SEARCH_IMAGE", "URL_CONTEXT", "GOOGLE_MAPS", "FILE_SEARCH",
               "MEDIA_PROCESSING")  # fmt: skip
_TASK_TYPES = ("TASK_TYPE_UNSPECIFIED", "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY",
               "CLASSIFICATION", "CLUSTERING", "QUESTION_ANSWERING", "FACT_VERIFICATION",
               "CODE_RETRIEVAL_QUERY")  # fmt: skip

_BLOB = Message("Blob", {"mimeType": a_text, "data": some_bytes, "displayName": a_text})
_FILE = Message("FileData", {"mimeType": a_text, "fileUri": a_text, "displayName": a_text})
_TOOL_TYPE = an_enum("ToolType", "TOOL_TYPE_UNSPECIFIED", *_TOOL_TYPES)
_RESOLUTION = Message(
    "MediaResolution",
    {"level": an_enum("MediaResolution.Level", *_RESOLUTIONS, "MEDIA_RESOLUTION_ULTRA_HIGH"), "numTokens": an_integer},
)
_ABOUT_MEDIA: dict[str, Field] = {
    "mediaResolution": _RESOLUTION,
    "mediaProcessing": a_struct,
    "videoMetadata": a_struct,
    "documentMetadata": a_struct,
    "spreadsheetMetadata": a_struct,
    "audioMetadata": a_struct,
}
_RESULT_PART = Message("FunctionResponsePart", {"inlineData": _BLOB, "fileData": _FILE, **_ABOUT_MEDIA})

_PART_KINDS: dict[str, Field] = {
    "text": a_text,
    "inlineData": _BLOB,
    "fileData": _FILE,
    "functionCall": Message("FunctionCall", {"id": a_text, "name": a_text, "args": a_struct}),
    "functionResponse": Message("FunctionResponse", {
        "id": a_text, "name": a_text, "response": a_struct, "parts": repeated(_RESULT_PART), "willContinue": a_flag,
        "scheduling": an_enum("Scheduling", "SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"),
    }),
    "executableCode": Message("ExecutableCode", {
        "id": a_text, "language": an_enum("ExecutableCode.Language", "LANGUAGE_UNSPECIFIED", "PYTHON"), "code": a_text,
    }),
    "codeExecutionResult": Message("CodeExecutionResult", {
        "id": a_text, "output": a_text,
        "outcome": an_enum("CodeExecutionResult.Outcome", "OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED",
                           "OUTCOME_DEADLINE_EXCEEDED"),
    }),
    "toolCall": Message("ToolCall", {"id": a_text, "toolType": _TOOL_TYPE, "args": a_struct}),
    "toolResponse": Message("ToolResponse", {"id": a_text, "toolType": _TOOL_TYPE, "response": a_struct}),
    "audioTranscription": a_struct,
}  # fmt: skip
PART_KINDS = tuple(_PART_KINDS)
"""What a part can be; each is one of these."""
_PART = Message(
    "Part",
    {**_PART_KINDS, **_ABOUT_MEDIA, "thought": a_flag, "thoughtSignature": some_bytes, "partMetadata": a_struct,
     "speechMetadata": a_struct},
    oneof=PART_KINDS,
)  # fmt: skip
CONTENT = Message("Content", {"role": a_text, "parts": repeated(_PART)})

_SCHEMA = Message("Schema", {
    "type": an_enum("Type", "TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"),
    "format": a_text, "title": a_text, "description": a_text, "nullable": a_flag, "enum": repeated(a_text),
    "minItems": an_integer, "maxItems": an_integer, "required": repeated(a_text), "minProperties": an_integer,
    "maxProperties": an_integer, "minLength": an_integer, "maxLength": an_integer, "pattern": a_text,
    "minimum": a_number, "maximum": a_number, "default": a_value, "example": a_value,
    "propertyOrdering": repeated(a_text),
})  # fmt: skip
_SCHEMA.add({"items": _SCHEMA, "properties": mapped(_SCHEMA), "anyOf": repeated(_SCHEMA)})

_DECLARATION = Message("FunctionDeclaration", {
    "name": a_text, "description": a_text, "parameters": _SCHEMA, "parametersJsonSchema": a_value,
    "response": _SCHEMA, "responseJsonSchema": a_value,
    "behavior": an_enum("FunctionDeclaration.Behavior", "UNSPECIFIED", "BLOCKING", "NON_BLOCKING"),
})  # fmt: skip
SERVER_TOOLS = ("googleSearch", "urlContext", "codeExecution", "googleMaps", "fileSearch", "computerUse",
                "googleSearchRetrieval")  # fmt: skip
_TOOL = Message("Tool", {
    "functionDeclarations": repeated(_DECLARATION),
    **dict.fromkeys(SERVER_TOOLS, a_struct),
    "mcpServers": repeated(a_struct),
})  # fmt: skip
_TOOL_CONFIG = Message("ToolConfig", {
    "functionCallingConfig": Message("FunctionCallingConfig", {
        "mode": an_enum("FunctionCallingConfig.Mode", "MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"),
        "allowedFunctionNames": repeated(a_text),
    }),
    "retrievalConfig": a_struct,
    "includeServerSideToolInvocations": a_flag,
})  # fmt: skip
_THINKING = Message("ThinkingConfig", {
    "includeThoughts": a_flag,
    "thinkingBudget": an_integer,
    "thinkingLevel": an_enum("ThinkingConfig.ThinkingLevel", "THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM",
                             "HIGH", "XHIGH"),
})  # fmt: skip
_GENERATION = Message("GenerationConfig", {
    "temperature": a_number, "topP": a_number, "topK": a_number, "candidateCount": an_integer,
    "maxOutputTokens": an_integer, "stopSequences": repeated(a_text), "responseLogprobs": a_flag,
    "logprobs": an_integer, "presencePenalty": a_number, "frequencyPenalty": a_number, "seed": an_integer,
    "responseMimeType": a_text, "responseSchema": _SCHEMA, "responseJsonSchema": a_value,
    "responseModalities": repeated(an_enum("Modality", "MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")),
    "mediaResolution": an_enum("MediaResolution", *_RESOLUTIONS), "speechConfig": a_struct, "imageConfig": a_struct,
    "thinkingConfig": _THINKING, "enableEnhancedCivicAnswers": a_flag, "audioTranscriptionConfig": a_struct,
    "responseFormat": a_value, "translationConfig": a_struct,
})  # fmt: skip
_SAFETY = Message("SafetySetting", {
    "category": an_enum("HarmCategory", "HARM_CATEGORY_UNSPECIFIED", *(f"HARM_CATEGORY_{c}" for c in _CATEGORIES)),
    "threshold": an_enum("SafetySetting.HarmBlockThreshold", *_THRESHOLDS),
})  # fmt: skip

GENERATE = Message("GenerateContentRequest", {
    "model": a_text, "contents": repeated(CONTENT), "systemInstruction": CONTENT, "tools": repeated(_TOOL),
    "toolConfig": _TOOL_CONFIG, "safetySettings": repeated(_SAFETY), "cachedContent": a_text,
    "generationConfig": _GENERATION, "store": a_flag, "labels": mapped(a_text), "continuationToken": some_bytes,
    "serviceTier": an_enum("ServiceTier", "UNSPECIFIED", "FLEX", "STANDARD", "PRIORITY"),
})  # fmt: skip
COUNT = Message(
    "CountTokensRequest", {"model": a_text, "contents": repeated(CONTENT), "generateContentRequest": GENERATE}
)
_EMBED_CONFIG = {
    "taskType": an_enum("TaskType", *_TASK_TYPES),
    "title": a_text,
    "outputDimensionality": an_integer,
    "autoTruncate": a_flag,
    "documentOcr": a_flag,
    "audioTrackExtraction": a_flag,
}
EMBED = Message("EmbedContentRequest", {
    "model": a_text, "content": CONTENT, **_EMBED_CONFIG,
    "embedContentConfig": Message("EmbedContentConfig", _EMBED_CONFIG),
})  # fmt: skip
EMBED_MANY = Message("BatchEmbedContentsRequest", {"model": a_text, "requests": repeated(EMBED)})
