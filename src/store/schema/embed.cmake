# Writes the migrations NNN_name.sql in FILES as one C file OUT, in the order of their numbers: the
# array that src/store/schema.h declares. Bytes, not literals: C limits the length of those.
cmake_minimum_required(VERSION 3.25)

list(SORT FILES)
set(texts)
set(rows)
set(expected 1)
foreach(file IN LISTS FILES)
  get_filename_component(base ${file} NAME_WE)
  if(NOT base MATCHES "^([0-9][0-9][0-9])_([a-z0-9_]+)$")
    message(FATAL_ERROR "${file}: a migration is named NNN_name.sql")
  endif()
  set(number ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  math(EXPR version "1${number} - 1000")
  if(NOT version EQUAL expected)
    message(FATAL_ERROR "${file}: migration ${expected} comes next")
  endif()
  math(EXPR expected "${expected} + 1")
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND texts "static const char text_${number}[] = {\n    ${bytes}0x00};\n\n")
  string(APPEND rows "    {${version}, \"${name}\", text_${number}},\n")
endforeach()

get_filename_component(header "${CMAKE_CURRENT_LIST_DIR}/../schema.h" ABSOLUTE)
file(WRITE ${OUT} "/* Made from src/store/schema by embed.cmake. */\n#include \"${header}\"\n\n"
  "${texts}const struct store_migration store_migrations[] = {\n${rows}};\n\n"
  "const size_t store_migration_count = sizeof store_migrations / sizeof store_migrations[0];\n")
