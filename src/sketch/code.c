/*
 * What each verdict is called, says and advises. Names are stable: history, journal and scripts
 * match on them. A rule that knows the numbers says more than the sentence here.
 */
#include <m4flash/sketch.h>

#include "util/cleanup.h"

struct code_text {
    const char *name;
    const char *sentence;
    const char *hint;
};

static const struct code_text code_texts[] = {
    [SKETCH_ACCEPTED] = {"accepted", "", ""},
    [SKETCH_NOT_REGULAR] = {"not-regular", "The upload is not a regular file.",
                            "Upload the sketch's ELF file itself, not a link, folder, pipe or "
                            "device."},
    [SKETCH_UNREADABLE] = {"unreadable", "The upload cannot be read.",
                           "Upload the file again; if that does not help, look at its permissions "
                           "and at the disk."},
    [SKETCH_EMPTY] = {"empty", "The file is empty.",
                      "Upload again; if the file is empty on your computer too, build the sketch "
                      "again."},
    [SKETCH_TOO_LARGE] = {"too-large", "The file is larger than an upload may be.",
                          "Build without debug information or strip the file; its program part "
                          "stays the same."},
    [SKETCH_OWNER] =
        {"owner", "The upload belongs to a user whose uploads are not accepted.",
         "Upload as one of the users that AllowOwners= lists in the section [Inbox] of "
         "/etc/m4flash.conf."},
    [SKETCH_NOT_ELF] = {"not-elf", "The file is not an ELF file.",
                        "Upload the .elf file of the build, not a .bin, .hex, .ino or archive."},
    [SKETCH_ELF_CLASS] = {"elf-class", "The file is not a 32-bit ELF file.",
                          "This looks like a program for another processor: select the right board "
                          "and build again."},
    [SKETCH_ELF_ENDIAN] = {"elf-endian", "The file is not a little-endian ELF file.",
                           "This looks like a program for another processor: select the right "
                           "board and build again."},
    [SKETCH_TRUNCATED] = {"truncated", "The file is cut off: its headers point past its end.",
                          "The upload did not finish: upload the file again."},
    [SKETCH_ELF_MACHINE] = {"elf-machine", "The file is a program for a processor that is not ARM.",
                            "Select the right board and build the sketch again."},
    [SKETCH_ELF_TYPE] = {"elf-type", "The file is not a linked program.",
                         "Upload the .elf file that the linker wrote, not an object file or a "
                         "library."},
    [SKETCH_ELF_CORRUPT] = {"elf-corrupt", "The ELF file's headers contradict themselves.",
                            "The file is damaged: build the sketch again and upload it again."},
    [SKETCH_NO_CODE] = {"no-code", "The file holds nothing to program.",
                        "Upload the linked sketch with its program, not a file of debug "
                        "information or symbols only."},
    [SKETCH_PROTECTED_FLASH] = {"protected-flash",
                                "The sketch would overwrite flash that is not for sketches.",
                                "Select the right board and core and build the sketch again."},
    [SKETCH_RAM_LOAD] =
        {"ram-load", "Part of the sketch is to be stored in RAM, which is lost at a reset.",
         "Use the board's own linker script: it stores initial values in flash (AT> "
         "flash)."},
    [SKETCH_OUTSIDE_FLASH] = {"outside-flash",
                              "Part of the sketch does not lie in the flash for sketches.",
                              "Select the right board and core and build the sketch again."},
    [SKETCH_IMAGE_TOO_BIG] = {"image-too-big", "The sketch does not fit into its flash.",
                              "Make the sketch smaller: fewer libraries, smaller tables, or "
                              "optimise for size (-Os)."},
    [SKETCH_OVERLAP] = {"overlap", "Two parts of the sketch claim the same flash.",
                        "Look for two sections at one load address in the linker script, and build "
                        "again."},
    [SKETCH_NO_VECTOR_TABLE] = {"no-vector-table",
                                "There is no vector table at the start of the sketch's flash.",
                                "Use the board's own linker script: it puts the vector table "
                                "first."},
    [SKETCH_STACK_POINTER] =
        {"stack-pointer",
         "The sketch would be programmed but never start: its initial stack "
         "pointer is wrong.",
         "Use the board's own linker script: it sets the initial stack pointer "
         "(first word of the vector table) to the end of the sketch's RAM."},
    [SKETCH_RESET_VECTOR] = {"reset-vector",
                             "The reset vector does not lead to code of the sketch.",
                             "Look at the second word of the vector table: it must be the address "
                             "of a Thumb function in flash, such as Reset_Handler."},
    [SKETCH_ENTRY_POINT] = {"entry-point", "The ELF entry point lies outside the sketch's flash.",
                            "Set the linker's ENTRY() to a function in flash, such as "
                            "Reset_Handler."},
    [SKETCH_WRONG_CORE] = {"wrong-core",
                           "The sketch is built for another processor core and would fault.",
                           "Select the right board and core and build the sketch, with all its "
                           "libraries, again."},
    [SKETCH_RAM_OVERFLOW] = {"ram-overflow",
                             "The sketch needs memory that the board does not have.",
                             "Make the sketch's variables smaller, and check the RAM addresses of "
                             "its linker script."},
    [SKETCH_SIGNATURE] = {"signature",
                          "The sketch is not signed, and only signed ones are accepted.",
                          "Sign it where the private key is: m4flash sign --key PRIVATE.pem "
                          "SKETCH.elf."},
};

static const struct code_text *code_text(enum sketch_code code)
{
    if ((unsigned)code >= ELEMENTSOF(code_texts))
        return NULL;
    return &code_texts[code];
}

const char *sketch_code_name(enum sketch_code code)
{
    const struct code_text *text = code_text(code);

    return text ? text->name : NULL;
}

const char *sketch_code_sentence(enum sketch_code code)
{
    const struct code_text *text = code_text(code);

    return text ? text->sentence : NULL;
}

const char *sketch_code_hint(enum sketch_code code)
{
    const struct code_text *text = code_text(code);

    return text ? text->hint : NULL;
}
